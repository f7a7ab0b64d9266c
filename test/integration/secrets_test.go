// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build integration

package integration

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestSecretsAreMended breaks the Secrets of a cluster one after the other, as people do. A server-side apply drops
// what its manager applied before and no longer asks for, which only the real API server shows: each step follows
// another write to the same Secret.
func TestSecretsAreMended(t *testing.T) {
	w := newWorld(t)
	_, err := w.atlas.AtlasDBV1alpha1().DatabaseClusters(w.ns).Create(t.Context(), &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: "mended"},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: v1alpha1.EnginePostgreSQL, Version: "17", Members: 1,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	w.eventually("the plan", func() error { _, err := w.verifier(); return err })
	first, _ := w.verifier()

	w.patch("mended-app", `{"stringData":{"password":"by hand /#?","username":"postgres","jdbc":"mine"}}`)
	second := w.login("an edited password", first, func(s *corev1.Secret) bool {
		return string(s.Data["password"]) == "by hand /#?" && string(s.Data["username"]) == "app" &&
			strings.Contains(string(s.Data["uri"]), "app:by%20hand%20%2F%23%3F@")
	})
	w.patch("mended-app", `{"data":{"password":null}}`)
	third := w.login("a deleted password", second, func(s *corev1.Secret) bool {
		return len(s.Data["password"]) >= 20 && bytes.Contains(s.Data["uri"], s.Data["password"])
	})
	w.patch("mended-app", `{"stringData":{"password":"again"}}`)
	fourth := w.login("one more edit", third, func(s *corev1.Secret) bool {
		return string(s.Data["password"]) == "again" && strings.Contains(string(s.Data["uri"]), ":again@") &&
			string(s.Data["jdbc"]) == "mine"
	})
	w.patch("mended-app", `{"stringData":{"password":"line break\n"}}`)
	w.eventually("what is wrong in status", func() error {
		return w.says(&v1alpha1.DatabaseCluster{ObjectMeta: metav1.ObjectMeta{Name: "mended"}},
			v1alpha1.ConditionDegraded, metav1.ConditionTrue, "U+000A")
	})
	if now, err := w.verifier(); err != nil || now != fourth {
		t.Errorf("a password that cannot be used took the valid one away: %v", err)
	}
	w.patch("mended-app", `{"stringData":{"password":"again"}}`)
	w.mendCertificates()

	w.eventually("silence", func() error {
		w.operator.take()
		time.Sleep(time.Second)
		if seen := w.operator.take(); len(seen) > 0 {
			return fmt.Errorf("requests %v", seen)
		}
		return nil
	})
}

// mendCertificates loses the authority, and then the certificates.
func (w *world) mendCertificates() {
	w.Helper()
	before := w.secret("mended-db-tls").Data
	err := w.kube.CoreV1().Secrets(w.ns).Delete(w.Context(), "mended-db-ca", metav1.DeleteOptions{})
	if err != nil {
		w.Fatal(err)
	}
	w.eventually("both authorities trusted", func() error {
		tls, app := w.secret("mended-db-tls"), w.secret("mended-app")
		if bytes.Count(tls.Data["ca.crt"], []byte("BEGIN")) != 2 || !bytes.Equal(tls.Data["ca.crt"], app.Data["ca.crt"]) {
			return errors.New("they are not")
		}
		return nil
	})
	if !bytes.Equal(w.secret("mended-db-tls").Data["tls.crt"], before["tls.crt"]) {
		w.Error("a certificate changed before its authority was known")
	}
	w.patch("mended-db-tls", `{"stringData":{"tls.key":"nonsense"}}`)
	w.eventually("other certificates", func() error {
		tls := w.secret("mended-db-tls")
		if string(tls.Data["tls.key"]) == "nonsense" || len(tls.Data) != len(before) {
			return fmt.Errorf("%d keys, the server's key is %q", len(tls.Data), tls.Data["tls.key"][:8])
		}
		return nil
	})
}

func (w *world) secret(name string) *corev1.Secret {
	w.Helper()
	secret, err := w.kube.CoreV1().Secrets(w.ns).Get(w.Context(), name, metav1.GetOptions{})
	if err != nil {
		w.Fatal(err)
	}
	return secret
}

func (w *world) patch(secret, patch string) {
	w.Helper()
	_, err := w.kube.CoreV1().Secrets(w.ns).
		Patch(w.Context(), secret, types.MergePatchType, []byte(patch), metav1.PatchOptions{})
	if err != nil {
		w.Fatal(err)
	}
}

// verifier is what the plan says of the application's password.
func (w *world) verifier() (string, error) {
	secret, err := w.kube.CoreV1().Secrets(w.ns).Get(w.Context(), "mended-db-plan", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	plan, err := engine.DecodePlan(secret.Data[engine.PlanKey])
	if err != nil {
		return "", err
	}
	if len(plan.Users) != 1 || plan.Users[0].Name != "app" || plan.Users[0].Verifier == "" {
		return "", fmt.Errorf("users %+v", plan.Users)
	}
	return plan.Users[0].Verifier, nil
}

// login waits for the Secret of the application to be as it should, and for another verifier in the plan.
func (w *world) login(what, before string, good func(*corev1.Secret) bool) (after string) {
	w.Helper()
	w.eventually(what, func() (err error) {
		if !good(w.secret("mended-app")) {
			return errors.New("the Secret does not follow")
		}
		after, err = w.verifier()
		if err == nil && after == before {
			err = errors.New("the plan does not follow")
		}
		return err
	})
	return after
}
