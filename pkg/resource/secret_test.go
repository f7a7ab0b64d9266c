// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestBindingWithoutDatabase: an engine that has no databases by name promises none to applications.
func TestBindingWithoutDatabase(t *testing.T) {
	t.Parallel()
	other := engine.Traits{Provider: "redis", URIScheme: "rediss", ClientPort: 6379}
	login := Login{Username: "app", Password: "pass/word", CA: []byte("PEM")}
	got := map[string]string{}
	for key, value := range AppSecret(minimal(), other, login).Data {
		got[key] = string(value)
	}
	want := map[string]string{
		"type": "redis", "provider": "redis", "host": "orders-rw.shop.svc", "port": "6379", "username": "app",
		"password": "pass/word", "uri": "rediss://app:pass%2Fword@orders-rw.shop.svc:6379", "ca.crt": "PEM",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// TestReplicationPassword: it is read back as it was written, and there is no key for it where there is none.
func TestReplicationPassword(t *testing.T) {
	t.Parallel()
	c := Certificates{CA: []byte("a"), ReplicationPassword: []byte("secret")}
	with := TLSSecret(minimal(), c)
	if d := cmp.Diff(c, CertificatesIn(&corev1.Secret{Data: with.Data})); d != "" {
		t.Errorf("(-written +read):\n%s", d)
	}
	c.ReplicationPassword = nil
	if without := TLSSecret(minimal(), c); len(without.Data) != len(with.Data)-1 {
		t.Errorf("keys %v", slices.Sorted(maps.Keys(without.Data)))
	}
}
