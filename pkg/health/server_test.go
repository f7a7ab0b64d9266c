// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package health

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"k8s.io/klog/v2/ktesting"
)

// serve starts a server on a free port and returns its URL and a stop that returns what Serve returned.
func serve(t *testing.T, opts Options) (url string, stop func() error) {
	t.Helper()
	_, ctx := ktesting.NewTestContext(t)
	ctx, cancel := context.WithCancel(ctx)
	opts.Address = "127.0.0.1:0"
	server, err := Listen(ctx, opts)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(ctx) }()
	return "http://" + server.Address(), func() error { cancel(); return <-served }
}

func get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(response.Body)
	if err := errors.Join(err, response.Body.Close()); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(content)
}

func TestServer(t *testing.T) {
	t.Parallel()
	fine := func() error { return nil }
	broken := func() error { return errors.New("pods are not synced") }
	url, stop := serve(t, Options{
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Live:    []Check{{Name: "leader election", Func: fine}, {Name: "controllers", Func: fine}},
		Ready:   []Check{{Name: "leader election", Func: fine}, {Name: "informers", Func: broken}},
	})
	for _, test := range []struct {
		path   string
		status int
		body   string
	}{
		{path: "/metrics", status: http.StatusOK, body: "up 1\n"},
		{path: "/healthz", status: http.StatusOK, body: "ok\n"},
		{path: "/readyz", status: http.StatusServiceUnavailable, body: "informers: pods are not synced\n"},
		{path: "/debug/pprof", status: http.StatusNotFound, body: "404 page not found\n"},
	} {
		if status, body := get(t, url+test.path); status != test.status || body != test.body {
			t.Errorf("%s = %d %q, want %d %q", test.path, status, body, test.status, test.body)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("Serve = %v after its context ended, want nil", err)
	}
}

func TestAnswerInFlightIsFinished(t *testing.T) {
	t.Parallel()
	begun, proceed := make(chan struct{}), make(chan struct{})
	url, stop := serve(t, Options{Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-proceed
		_, _ = io.WriteString(w, "up 1\n")
	})})
	stopped := make(chan error, 1)
	go func() {
		<-begun
		go func() { stopped <- stop() }()
		close(proceed)
	}()
	if status, body := get(t, url+"/metrics"); status != http.StatusOK || body != "up 1\n" {
		t.Errorf("scrape during shutdown = %d %q", status, body)
	}
	if err := <-stopped; err != nil {
		t.Errorf("Serve = %v", err)
	}
}

func TestAddressInUseIsAnErrorAtOnce(t *testing.T) {
	t.Parallel()
	_, ctx := ktesting.NewTestContext(t)
	first, err := Listen(ctx, Options{Address: "127.0.0.1:0", Metrics: http.NotFoundHandler()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Listen(ctx, Options{Address: first.Address(), Metrics: http.NotFoundHandler()}); err == nil {
		t.Error("a second Listen on the same address succeeded")
	}
	if err := first.listener.Close(); err != nil {
		t.Fatal(err)
	}
}
