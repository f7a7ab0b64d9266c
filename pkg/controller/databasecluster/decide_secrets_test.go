// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

const (
	caSecret  = "orders-db-ca"
	tlsSecret = "orders-db-tls"
	appSecret = "orders-app"
)

// data is a copy of what a Secret holds.
func (w *world) data(name string) map[string][]byte {
	w.t.Helper()
	secret := w.snapshot.Secret(name)
	if secret == nil {
		w.t.Fatalf("there is no Secret %s", name)
	}
	return maps.Clone(secret.Data)
}

// edit changes what a Secret holds, as a user would.
func (w *world) edit(name string, change func(data map[string][]byte)) {
	w.t.Helper()
	edited := w.snapshot.Secret(name).DeepCopy()
	change(edited.Data)
	w.put("Secret", edited)
}

func (w *world) pass(d time.Duration) {
	w.snapshot.Now = metav1.NewTime(w.snapshot.Now.Add(d))
}

// holdCertificates fails unless the members' certificates are good, and are issued by whom the applications trust.
func (w *world) holdCertificates() {
	w.t.Helper()
	c := resource.CertificatesIn(w.snapshot.Secret(tlsSecret))
	if err := verify(w.snapshot, c); err != nil {
		w.t.Errorf("the certificates are not good: %v", err)
	}
	if !bytes.Equal(w.data(appSecret)[resource.BindingCA], c.CA) {
		w.t.Error("applications and members trust different authorities")
	}
}

// trusted counts the authorities of the bundle.
func (w *world) trusted() int {
	return bytes.Count(w.data(tlsSecret)[resource.CACertKey], []byte("BEGIN CERTIFICATE"))
}

func TestTimeAloneRenewsCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	before, writes, passes := w.data(tlsSecret), w.writes, 0
	for began := w.snapshot.Now; w.writes == writes; passes++ {
		d := w.decide()
		if d.RequeueAfter <= 0 || d.RequeueAfter > lookAgain {
			t.Fatalf("looks again after %s: nothing else would", d.RequeueAfter)
		}
		w.pass(d.RequeueAfter)
		w.step()
		if passed := w.snapshot.Now.Sub(began.Time); passed > 61*24*time.Hour {
			t.Fatalf("not renewed after %s", passed)
		}
	}
	if passes > 61 {
		t.Errorf("%d passes for a renewal after 60 days", passes)
	}
	if w.writes != writes+1 {
		t.Errorf("%d writes, want one: a pair must never be seen in part", w.writes-writes)
	}
	after := w.data(tlsSecret)
	for key := range before {
		if same := bytes.Equal(before[key], after[key]); same != (key == resource.CACertKey) {
			t.Errorf("%s: unchanged %t", key, same)
		}
	}
	w.holdCertificates()
}

func TestARefusedSpecDoesNotEndCertificates(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.snapshot.Engine = plainEngine{errs: field.ErrorList{field.Invalid(field.NewPath("spec"), "x", "no")}}
	if w.step() {
		t.Error("something was made for a spec that cannot be carried out")
	}
	refused := w.snapshot.Engine
	w.snapshot.Engine = plainEngine{}
	w.converge()
	w.snapshot.Engine = refused
	for range 10 {
		w.pass(30 * 24 * time.Hour)
		w.converge()
		w.holdCertificates()
	}
}

func TestCertificatesThatCannotBeUsedAreMadeAnew(t *testing.T) {
	t.Parallel()
	other := newWorld(t, 1)
	other.snapshot.Cluster.Namespace = "bank"
	other.converge()
	foreign := other.data(tlsSecret)
	set := func(key, value string) func(map[string][]byte) {
		return func(data map[string][]byte) { data[key] = []byte(value) }
	}
	for name, change := range map[string]func(map[string][]byte){
		"no PEM":                set(corev1.TLSCertKey, "nonsense"),
		"no client certificate": func(data map[string][]byte) { delete(data, resource.ClientCertKey) },
		"another key":           set(corev1.TLSPrivateKeyKey, string(foreign[corev1.TLSPrivateKeyKey])),
		"another authority":     func(data map[string][]byte) { maps.Copy(data, foreign) },
		"the client's for server's": func(data map[string][]byte) {
			data["tls.crt"], data["tls.key"] = data["client.crt"], data["client.key"]
		},
		"nothing at all": func(data map[string][]byte) { clear(data) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.converge()
			w.pass(91 * 24 * time.Hour) // no other authority can have issued anything
			w.converge()
			writes := w.writes
			w.edit(tlsSecret, change)
			w.step()
			if w.writes != writes+1 {
				t.Errorf("%d writes, want one", w.writes-writes)
			}
			w.holdCertificates()
			if d := w.decide(); len(d.Generate)+len(d.Writes) > 0 {
				t.Errorf("still busy: %+v", d)
			}
		})
	}
}

func TestCertificatesLackingANameAreMadeAnew(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	// An earlier release named its members otherwise.
	authority, err := tlsutil.ParseAuthority(
		w.data(caSecret)[corev1.TLSCertKey], w.data(caSecret)[corev1.TLSPrivateKeyKey], w.snapshot.Now.Time)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.IssueServer("orders", []string{"orders-rw"}, w.snapshot.Now.Time, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	w.edit(tlsSecret, func(data map[string][]byte) {
		data[corev1.TLSCertKey], data[corev1.TLSPrivateKeyKey] = pair.CertPEM, pair.KeyPEM
	})
	if d := w.decide(); len(d.Generate) != 1 || !strings.Contains(d.Generate[0].Why, "orders-db.shop.svc") {
		t.Errorf("decided %+v, want certificates because of the name that is missing", d.Generate)
	}
	w.converge()
	w.holdCertificates()
}

func TestWhoIsTrustedIsKeptRight(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	want := w.data(tlsSecret)[resource.CACertKey]
	other := newWorld(t, 1)
	other.converge()
	w.pass(91 * 24 * time.Hour) // nothing of a former authority can be valid any more
	w.converge()
	for _, name := range []string{tlsSecret, appSecret} {
		w.edit(name, func(data map[string][]byte) { data["ca.crt"] = other.data(caSecret)[corev1.TLSCertKey] })
		w.converge()
		if got := w.data(name)["ca.crt"]; !bytes.Equal(got, want) {
			t.Errorf("Secret %s trusts %s", name, got)
		}
	}
	w.holdCertificates()
}

// TestALostAuthorityIsReplacedWithoutAnOutage: certificates of the old one stay in use, and trusted, until their time
// has come; the old authority is dropped when nothing of it can be valid.
func TestALostAuthorityIsReplacedWithoutAnOutage(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.pass(20 * 24 * time.Hour)
	shown := w.data(tlsSecret)[corev1.TLSCertKey]
	w.drop("Secret", caSecret)
	w.converge()
	if !bytes.Equal(w.data(tlsSecret)[corev1.TLSCertKey], shown) || w.trusted() != 2 {
		t.Fatalf("at once: certificate kept %t, %d authorities; want it kept, and both trusted",
			bytes.Equal(w.data(tlsSecret)[corev1.TLSCertKey], shown), w.trusted())
	}
	replaced, alone := time.Duration(0), time.Duration(0)
	for began := w.snapshot.Now; alone == 0; {
		d := w.decide()
		w.pass(d.RequeueAfter)
		w.converge()
		w.holdCertificates()
		passed := w.snapshot.Now.Sub(began.Time)
		if replaced == 0 && !bytes.Equal(w.data(tlsSecret)[corev1.TLSCertKey], shown) {
			replaced = passed.Round(24 * time.Hour)
		}
		if w.trusted() == 1 {
			alone = passed.Round(24 * time.Hour)
		}
		if passed > 100*24*time.Hour {
			t.Fatal("the old authority is trusted for ever")
		}
	}
	if replaced != 40*24*time.Hour || alone != 90*24*time.Hour {
		t.Errorf("certificates by the new authority after %s, alone after %s; want 40 and 90 days", replaced, alone)
	}
}

func TestAnOldAuthorityIsReplaced(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	before := w.data(caSecret)[corev1.TLSCertKey]
	w.pass(7 * 365 * 24 * time.Hour)
	w.converge()
	if bytes.Equal(w.data(caSecret)[corev1.TLSCertKey], before) {
		t.Error("the authority is still the old one after seven years of ten")
	}
	w.holdCertificates()
}

// TestAnAuthorityThatCannotBeReadStopsNothing: the user is told, and what was issued goes on.
func TestAnAuthorityThatCannotBeReadStopsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.primary("orders-db-0", "7423")
	w.converge()
	good := w.data(caSecret)
	w.edit(caSecret, func(data map[string][]byte) { data[corev1.TLSPrivateKeyKey] = []byte("nonsense") })
	writes := w.writes
	w.converge()
	if w.writes != writes {
		t.Errorf("%d writes because of an authority that cannot be read", w.writes-writes)
	}
	told := degraded(w.snapshot, w.decide(), Outcome{})
	if told.reason != v1alpha1.ReasonInvalidSecret || !strings.Contains(told.message, "Secret orders-db-ca: ") {
		t.Errorf("Degraded says %+v", told)
	}
	if w.saveStatus(); w.ready() != "True/Ready" {
		t.Errorf("Ready is %s, though the database serves", w.ready())
	}
	w.pass(70 * 24 * time.Hour)
	w.converge() // nothing can be renewed, and nothing is taken away
	w.holdCertificates()
	w.edit(caSecret, func(data map[string][]byte) { maps.Copy(data, good) })
	w.converge()
	w.pass(30 * 24 * time.Hour)
	w.holdCertificates() // the old ones would have expired
}

func TestAPasswordFollowsItsUser(t *testing.T) {
	t.Parallel()
	verifier := func(w *world) string { return w.plan().Users[0].Verifier }
	set := func(key, value string) func(map[string][]byte) {
		return func(data map[string][]byte) { data[key] = []byte(value) }
	}
	tests := []struct {
		name   string
		change func(map[string][]byte)
		// password is what must be valid; "" stands for the one before, "*" for a new one.
		password string
		fault    string
	}{
		{"edited", set("password", "s3cret/#?"), "s3cret/#?", ""},
		{"of any language", set("password", "пароль 密码"), "пароль 密码", ""},
		{"emptied", set("password", ""), "*", ""},
		{"deleted", func(data map[string][]byte) { delete(data, "password") }, "*", ""},
		{"everything deleted", func(data map[string][]byte) { clear(data) }, "*", ""},
		{"of the greatest length", set("password", strings.Repeat("x", 256)), strings.Repeat("x", 256), ""},
		{"too long", set("password", strings.Repeat("x", 257)), "", "has 257 bytes"},
		{"not UTF-8", set("password", "a\xffb"), "", "is not UTF-8"},
		{"with a NUL", set("password", "a\x00b"), "", "contains the control character U+0000"},
		{"with the line break of echo", set("password", "secret\n"), "", "contains the control character U+000A"},
		{"another user", set("username", "postgres"), "", ""},
		{"another database", set("database", "template1"), "", ""},
		{"another host", set("host", "evil.example"), "", ""},
		{"another URI", set("uri", "postgresql://evil.example"), "", ""},
		{"another key", set("jdbc", "mine"), "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, 1)
			w.converge()
			before, proof := w.data(appSecret), verifier(w)
			w.edit(appSecret, tt.change)
			for w.step() {
				if got := verifier(w); got == "" || len(w.plan().Users) != 1 || w.plan().Users[0].Name != "app" {
					t.Fatalf("a moment without a valid login: %+v", w.plan().Users)
				}
			}
			after := w.data(appSecret)
			valid := string(before["password"])
			switch tt.password {
			case "":
			case "*":
				if valid = string(after["password"]); len(valid) < 20 || valid == string(before["password"]) {
					t.Errorf("the new password is %q", valid)
				}
			default:
				valid = tt.password
			}
			if got, want := verifier(w), (plainEngine{}).Verifier("uid-2", "app", valid); got != want {
				t.Errorf("valid is %q, want %q; before it was %q", got, want, proof)
			}
			told := degraded(w.snapshot, w.decide(), Outcome{})
			if tt.fault == "" {
				holdBinding(t, before, after, valid)
			}
			if want := fmt.Sprintf("Secret orders-app: the key %q %s", "password", tt.fault); tt.fault != "" &&
				(told.reason != v1alpha1.ReasonInvalidSecret || !strings.HasPrefix(told.message, want)) {
				t.Errorf("Degraded says %+v, want %q", told, want)
			}
		})
	}
}

// holdBinding fails unless what follows from a password is right, and all else is as it was.
func holdBinding(t *testing.T, before, after map[string][]byte, password string) {
	t.Helper()
	want := resource.AppSecret(newWorld(t, 1).snapshot.Cluster, plainEngine{}.Traits(), resource.Login{
		Username: "app", Database: "app", Password: password, CA: before["ca.crt"],
	}).Data
	for key, value := range want {
		if !bytes.Equal(after[key], value) {
			t.Errorf("%s is %q, want %q", key, after[key], value)
		}
	}
	if mine, ok := after["jdbc"]; ok && string(mine) != "mine" {
		t.Errorf("a key of the user's was changed to %q", mine)
	}
}

func TestAPasswordThatCannotBeUsedIsNoLoginWithoutAPlan(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.edit(appSecret, func(data map[string][]byte) { data["password"] = []byte("a\n") })
	w.drop("Secret", "orders-db-plan")
	w.converge()
	if w.snapshot.Secret("orders-db-plan") != nil {
		t.Error("a plan was made though nobody knows a password that is valid")
	}
	w.edit(appSecret, func(data map[string][]byte) { data["password"] = []byte("a") })
	w.converge()
	if got := w.plan().Users[0].Verifier; !strings.HasSuffix(got, "a") {
		t.Errorf("verifier %q", got)
	}
}

func TestASecretOfSomebodyElseIsNotRead(t *testing.T) {
	t.Parallel()
	for _, name := range []string{caSecret, tlsSecret, appSecret} {
		w := newWorld(t, 1)
		w.converge()
		stolen := w.snapshot.Secret(name).DeepCopy()
		stolen.OwnerReferences = []metav1.OwnerReference{{Kind: "Deployment", UID: "x", Controller: new(true)}}
		stolen.Data = map[string][]byte{"password": []byte("theirs"), "tls.crt": []byte("theirs")}
		w.put("Secret", stolen)
		before := w.plan().Users
		w.converge()
		d := w.decide()
		if !slices.Contains(d.Obstacles, Obstacle{Ref{"Secret", name}, v1alpha1.ReasonNameConflict}) {
			t.Errorf("%s: obstacles %v", name, d.Obstacles)
		}
		if len(d.Troubles) > 0 || !slices.Equal(w.plan().Users, before) {
			t.Errorf("%s was read: %v, users %v", name, d.Troubles, w.plan().Users)
		}
	}
}

func TestAnOrphanedSecretIsTakenBackAsItIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	for _, name := range []string{caSecret, tlsSecret, appSecret} {
		before := w.data(name)
		orphan := w.snapshot.Secret(name).DeepCopy()
		orphan.OwnerReferences = nil
		w.put("Secret", orphan)
		w.converge()
		if got := ownerOf(w.snapshot.Secret(name), w.snapshot.Cluster); got != ours {
			t.Errorf("%s is not ours again", name)
		}
		if !maps.EqualFunc(before, w.data(name), bytes.Equal) {
			t.Errorf("%s holds something else", name)
		}
	}
}
