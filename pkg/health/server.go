// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/klog/v2"
)

const (
	// readTimeout bounds the request, so that a client that sends nothing holds no connection.
	readTimeout = 5 * time.Second
	// writeTimeout bounds the answer; a scrape of thousands of clusters over a slow link is what takes longest.
	writeTimeout = 30 * time.Second
	// idleTimeout is longer than a common scrape interval, so that Prometheus keeps its connection.
	idleTimeout = 2 * time.Minute
	// shutdownTimeout is what answers in flight get when the server stops.
	shutdownTimeout = time.Second
)

// Check is one thing that must hold.
type Check struct {
	// Name is the check's name in the answer.
	Name string
	// Func returns what is wrong, or nil. It is called for every probe and returns at once.
	Func func() error
}

// Options are what a Server serves.
type Options struct {
	// Address is "host:port"; ":8080" is every address of the machine.
	Address string
	// Metrics serves /metrics.
	Metrics http.Handler
	// Live are the checks of /healthz.
	Live []Check
	// Ready are the checks of /readyz.
	Ready []Check
}

// Server answers probes and scrapes.
type Server struct {
	listener net.Listener
	server   *http.Server
}

// Listen binds the address and returns a Server that Serve lets answer.
func Listen(ctx context.Context, opts Options) (*Server, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", opts.Address)
	if err != nil {
		return nil, fmt.Errorf("listening for metrics and probes: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", opts.Metrics)
	mux.Handle("GET /healthz", handler(opts.Live))
	mux.Handle("GET /readyz", handler(opts.Ready))
	return &Server{listener: listener, server: &http.Server{
		Handler:      mux,
		ReadTimeout:  readTimeout,
		WriteTimeout: writeTimeout,
		IdleTimeout:  idleTimeout,
		ErrorLog:     slog.NewLogLogger(logr.ToSlogHandler(klog.FromContext(ctx)), slog.LevelWarn),
	}}, nil
}

// Address is where the server listens, with the port that the system chose when Options said 0.
func (s *Server) Address() string { return s.listener.Addr().String() }

// Serve answers until ctx ends, then lets answers in flight finish. It returns an error when the server stopped by
// itself.
func (s *Server) Serve(ctx context.Context) error {
	stopped := make(chan error, 1)
	go func() { stopped <- s.server.Serve(s.listener) }()
	select {
	case err := <-stopped:
		return fmt.Errorf("serving metrics and probes: %w", err)
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownTimeout)
	defer cancel()
	if err := s.server.Shutdown(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping the server of metrics and probes: %w", err)
	}
	if err := <-stopped; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serving metrics and probes: %w", err)
	}
	return nil
}

// handler answers 200 when every check holds, else 503 with a line for each that does not.
func handler(checks []Check) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		var wrong []string
		for _, check := range checks {
			if err := check.Func(); err != nil {
				wrong = append(wrong, fmt.Sprintf("%s: %v", check.Name, err))
			}
		}
		if len(wrong) > 0 {
			http.Error(w, strings.Join(wrong, "\n"), http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n")) // a client that hung up has its answer
	})
}
