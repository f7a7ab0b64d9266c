// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"k8s.io/apimachinery/pkg/types"
)

// requests are the vectors behind all requests to the API server.
type requests struct {
	total    *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newRequests() requests {
	return requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: prefix, Name: "api_requests_total",
			Help: "Requests to the API server, by verb, resource and HTTP status; status \"error\" got no answer.",
		}, []string{"verb", "resource", "code"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: prefix, Name: "api_request_duration_seconds", Buckets: seconds,
			Help: "Time until the API server began to answer, without the wait for the client's own rate limit.",
		}, []string{"verb", "resource"}),
	}
}

// Transport wraps a client's transport so that every request is counted, retries by the client included. It fits
// rest.Config.Wrap.
func (m *Metrics) Transport(next http.RoundTripper) http.RoundTripper {
	return &countingTransport{requests: m.requests, next: next}
}

type countingTransport struct {
	requests
	next http.RoundTripper
}

func (t *countingTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	verb, resource := describe(request)
	began := time.Now()
	response, err := t.next.RoundTrip(request)
	t.duration.WithLabelValues(verb, resource).Observe(time.Since(began).Seconds())
	code := "error"
	if err == nil {
		code = strconv.Itoa(response.StatusCode)
	}
	t.total.WithLabelValues(verb, resource, code).Inc()
	return response, err
}

// WrappedRoundTripper lets client-go reach the connections below, to close idle ones.
func (t *countingTransport) WrappedRoundTripper() http.RoundTripper { return t.next }

// describe gives the verb and the resource of a request in the API server's own terms, such as "apply" and
// "databaseclusters/status". Names and namespaces never become labels; a path that names no resource is "other".
func describe(request *http.Request) (verb, resource string) {
	var path []string
	switch parts := strings.Split(strings.Trim(request.URL.Path, "/"), "/"); {
	case parts[0] == "api" && len(parts) > 2: // api/v1/…
		path = parts[2:]
	case parts[0] == "apis" && len(parts) > 3: // apis/group/version/…
		path = parts[3:]
	default:
		return strings.ToLower(request.Method), "other"
	}
	if path[0] == "namespaces" && len(path) > 2 {
		path = path[2:]
	}
	resource = path[0]
	if len(path) > 2 {
		resource += "/" + path[2]
	}
	return verbOf(request, len(path) > 1), resource
}

// verbOf is the verb as RBAC and the audit log know it, except that server-side apply is told from other patches.
func verbOf(request *http.Request, named bool) string {
	switch request.Method {
	case http.MethodGet:
		watch := request.URL.Query().Get("watch")
		switch {
		case watch == "true" || watch == "1":
			return "watch"
		case named:
			return "get"
		}
		return "list"
	case http.MethodPatch:
		content := request.Header.Get("Content-Type")
		if content == string(types.ApplyYAMLPatchType) || content == string(types.ApplyCBORPatchType) {
			return "apply"
		}
		return "patch"
	case http.MethodDelete:
		if !named {
			return "deletecollection"
		}
		return "delete"
	case http.MethodPost:
		return "create"
	case http.MethodPut:
		return "update"
	}
	return strings.ToLower(request.Method)
}
