// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
)

// Answerer is who is asked.
type Answerer interface {
	State() election.State
	Vote(ctx context.Context, q election.VoteRequest) election.Vote
	Vouch(q election.VouchRequest) election.Voucher
	Farewell(f election.Farewell)
}

// Paths of what can be asked.
const (
	statePath    = "/state"
	votePath     = "/vote"
	vouchPath    = "/vouch"
	farewellPath = "/farewell"
)

// maxBody bounds what is read of a stranger; a lineage at its longest has a tenth of it.
const maxBody = 64 << 10

// Serve answers peers until ctx ends.
func Serve(ctx context.Context, address string, c *Credentials, a Answerer) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("listening for peers: %w", err)
	}
	return serveOn(ctx, listener, c, a)
}

// serveOn is Serve on a listener that is there.
func serveOn(ctx context.Context, listener net.Listener, c *Credentials, a Answerer) error {
	server := &http.Server{
		Handler: handler(a), ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 5 * time.Second,
		WriteTimeout: 2 * election.RequestTimeout, IdleTimeout: time.Minute,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(logr.ToSlogHandler(klog.FromContext(ctx)), slog.LevelWarn),
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(tls.NewListener(listener, c.forServer())); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func handler(a Answerer) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET "+statePath, answer(func(context.Context, struct{}) election.State { return a.State() }))
	mux.Handle("POST "+votePath, answer(a.Vote))
	mux.Handle("POST "+vouchPath, answer(func(_ context.Context, q election.VouchRequest) election.Voucher {
		return a.Vouch(q)
	}))
	mux.Handle("POST "+farewellPath, answer(func(_ context.Context, f election.Farewell) struct{} {
		a.Farewell(f)
		return struct{}{}
	}))
	return mux
}

// answer turns a function into a handler.
func answer[Q, A any](f func(context.Context, Q) A) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q Q
		if r.Method == http.MethodPost {
			if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxBody)).Decode(&q); err != nil {
				http.Error(w, "the question cannot be read", http.StatusBadRequest)
				return
			}
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(f(r.Context(), q)) // who has hung up reads no error either
	})
}
