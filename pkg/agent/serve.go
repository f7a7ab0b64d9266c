// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wedgedAfter is how old the last pass may be before the kubelet is told to restart the container. It is far beyond the
// time limits of every request and query.
const wedgedAfter = 3 * time.Minute

// Serve answers probes and scrapes until ctx ends.
func (a *Agent) Serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+resource.LivePath, func(w http.ResponseWriter, _ *http.Request) {
		last := time.Unix(0, a.lastPass.Load())
		answer(w, a.lastPass.Load() == 0 || time.Since(last) < wedgedAfter, "the loop stands still")
	})
	mux.HandleFunc("GET "+resource.ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, a.ready.Load(), "the member does not serve")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(a.metrics.registry(a.engine.Metrics), promhttp.HandlerOpts{}))
	server := &http.Server{
		Handler: mux, ReadHeaderTimeout: 5 * time.Second, WriteTimeout: 30 * time.Second,
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", fmt.Sprintf(":%d", resource.MetricsPort))
	if err != nil {
		return fmt.Errorf("listening for probes: %w", err)
	}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answer(w http.ResponseWriter, ok bool, why string) {
	if !ok {
		http.Error(w, why, http.StatusServiceUnavailable)
		return
	}
	_, _ = w.Write([]byte("ok\n"))
}
