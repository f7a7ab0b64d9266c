// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"bytes"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// sharingEngine is a test double: an engine whose members share a password, and that has no databases by name.
type sharingEngine struct{ plainEngine }

func (e sharingEngine) Traits() engine.Traits {
	t := e.plainEngine.Traits()
	t.ReplicationPassword, t.Database = true, ""
	return t
}

// password is what the members share.
func (w *world) password() []byte {
	w.t.Helper()
	return w.data(tlsSecret)[resource.ReplicationPasswordKey]
}

func TestMembersKeepTheirPasswordWhenCertificatesChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.snapshot.Engine = sharingEngine{}
	w.converge()
	first, before := w.password(), w.data(tlsSecret)
	if len(first) < 20 {
		t.Fatalf("the password has %d bytes", len(first))
	}
	for range 24 {
		w.pass(30 * 24 * time.Hour)
		w.converge()
		w.holdCertificates()
	}
	w.edit(tlsSecret, func(data map[string][]byte) { delete(data, resource.ClientCertKey) })
	w.converge()
	if bytes.Equal(before["tls.crt"], w.data(tlsSecret)["tls.crt"]) {
		t.Fatal("the certificates were never renewed")
	}
	if !bytes.Equal(first, w.password()) {
		t.Error("members that see the new Secret earlier than others would refuse them")
	}
}

func TestMembersGetAPasswordThatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	if w.password() != nil {
		t.Fatal("an engine that needs no password has one")
	}
	w.snapshot.Engine = sharingEngine{}
	w.converge()
	first := w.password()
	if len(first) == 0 {
		t.Fatal("there is none")
	}
	w.edit(tlsSecret, func(data map[string][]byte) { delete(data, resource.ReplicationPasswordKey) })
	w.converge()
	if second := w.password(); len(second) == 0 || bytes.Equal(first, second) {
		t.Error("the password that was lost is there again, or none is")
	}
}

func TestThePlanHoldsNoPasswordAndNoDatabaseWithoutAName(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.snapshot.Engine = sharingEngine{}
	w.converge()
	for name, secret := range map[string]map[string][]byte{"plan": w.data("orders-db-plan"), "app": w.data(appSecret)} {
		for key, value := range secret {
			if bytes.Contains(value, w.password()) {
				t.Errorf("the password of the members is in %s/%s", name, key)
			}
		}
	}
	if plan := planInForce(w.snapshot); plan.ClusterUID == "" || len(plan.Databases) > 0 {
		t.Errorf("the plan asks for %v", plan.Databases)
	}
}
