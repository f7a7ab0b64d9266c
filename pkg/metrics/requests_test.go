// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package metrics

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

var _ utilnet.RoundTripperWrapper = (*countingTransport)(nil)

func TestDescribe(t *testing.T) {
	t.Parallel()
	const ours = "/apis/atlasdb.io/v1alpha1"
	for _, test := range []struct {
		method, url, content string
		verb, resource       string
	}{
		{method: "GET", url: "/api/v1/pods?limit=500", verb: "list", resource: "pods"},
		{method: "GET", url: "/api/v1/pods?watch=true&sendInitialEvents=true", verb: "watch", resource: "pods"},
		{method: "GET", url: "/api/v1/namespaces/shop/pods?watch=1", verb: "watch", resource: "pods"},
		{method: "GET", url: "/api/v1/namespaces/shop/pods/orders-db-0", verb: "get", resource: "pods"},
		{method: "GET", url: "/api/v1/namespaces/shop", verb: "get", resource: "namespaces"},
		{method: "GET", url: "/api/v1/namespaces", verb: "list", resource: "namespaces"},
		{method: "POST", url: "/api/v1/namespaces/shop/secrets", verb: "create", resource: "secrets"},
		{method: "PUT", url: "/apis/coordination.k8s.io/v1/namespaces/x/leases/y", verb: "update", resource: "leases"},
		{
			method: "PATCH", url: ours + "/namespaces/shop/databaseclusters/orders/status",
			content: "application/apply-patch+yaml", verb: "apply", resource: "databaseclusters/status",
		},
		{
			method: "PATCH", url: "/api/v1/namespaces/shop/events/x",
			content: "application/strategic-merge-patch+json", verb: "patch", resource: "events",
		},
		{method: "DELETE", url: "/api/v1/namespaces/shop/pods/orders-db-0", verb: "delete", resource: "pods"},
		{method: "DELETE", url: "/api/v1/namespaces/shop/pods", verb: "deletecollection", resource: "pods"},
		{method: "GET", url: "/version", verb: "get", resource: "other"},
		{method: "GET", url: "/apis/atlasdb.io/v1alpha1", verb: "get", resource: "other"},
		{method: "GET", url: "/", verb: "get", resource: "other"},
	} {
		request := httptest.NewRequestWithContext(t.Context(), test.method, test.url, nil)
		request.Header.Set("Content-Type", test.content)
		if verb, resource := describe(request); verb != test.verb || resource != test.resource {
			t.Errorf("%s %s is %s %s, want %s %s", test.method, test.url, verb, resource, test.verb, test.resource)
		}
	}
}

func TestRequestWithoutAnswerIsCounted(t *testing.T) {
	t.Parallel()
	m := New()
	request(t, m, http.MethodPost, "/api/v1/namespaces/shop/pods", 0)
	if got := testutil.ToFloat64(m.requests.total.WithLabelValues("create", "pods", "error")); got != 1 {
		t.Errorf("requests without an answer = %v, want 1", got)
	}
}
