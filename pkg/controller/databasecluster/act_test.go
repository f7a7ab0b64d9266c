// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

func (f *fixture) secret(name string) *corev1.Secret {
	f.t.Helper()
	secret, err := f.kube.CoreV1().Secrets("shop").Get(f.t.Context(), name, metav1.GetOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	return secret
}

func (f *fixture) update(secret *corev1.Secret) {
	f.t.Helper()
	if _, err := f.kube.CoreV1().Secrets("shop").Update(f.t.Context(), secret, metav1.UpdateOptions{}); err != nil {
		f.t.Fatal(err)
	}
	synctest.Wait()
}

// TestSyncRenewsCertificatesInOneWrite lets two months pass, in which nothing else happens.
func TestSyncRenewsCertificatesInOneWrite(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(f *fixture) {
		f.settle()
		before := f.secret("orders-db-tls").Data
		// Two months in the bubble would have the informers' mutation detector look at its objects in every second of them.
		passed := time.Duration(0)
		f.c.clock = func() time.Time { return time.Now().Add(passed) }
		requests := f.requests()
		for f.requests() == requests {
			result, err := f.c.sync(t.Context(), ordersKey)
			if err != nil {
				t.Fatal(err)
			}
			if passed > 61*24*time.Hour {
				t.Fatal("not renewed after 61 days")
			}
			passed += result.RequeueAfter
		}
		if n := f.requests() - requests; n != 1 {
			t.Errorf("%d requests in two months, want one", n)
		}
		after := f.secret("orders-db-tls").Data
		if bytes.Equal(before["tls.crt"], after["tls.crt"]) || !bytes.Equal(before["ca.crt"], after["ca.crt"]) {
			t.Error("want another certificate by the same authority")
		}
	})
}

// TestSyncKeepsThePasswordOfASecretThatLostItsLabels: the informers no longer show it, but it is not gone.
func TestSyncKeepsThePasswordOfASecretThatLostItsLabels(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(f *fixture) {
		f.settle()
		for _, name := range []string{"orders-app", "orders-db-ca", "orders-db-tls", "orders-db-plan"} {
			secret := f.secret(name)
			before := maps.Clone(secret.Data)
			secret.Labels = nil
			f.update(secret)
			f.settle()
			after := f.secret(name)
			if after.Labels[v1alpha1.LabelCluster] != "orders" {
				t.Errorf("%s has labels %v", name, after.Labels)
			}
			if !maps.EqualFunc(before, after.Data, bytes.Equal) {
				t.Errorf("%s holds something else", name)
			}
		}
	})
}

func TestSyncDoesNotUndoAPasswordThatItHasNotSeen(t *testing.T) {
	t.Parallel()
	inBubble(t, 1, func(f *fixture) {
		f.settle()
		secret := f.secret("orders-app")
		delete(secret.Data, "password")
		f.update(secret)
		var sent []string
		f.kube.PrependReactor("patch", "secrets", func(a clienttesting.Action) (bool, runtime.Object, error) {
			sent = append(sent, string(a.(clienttesting.PatchAction).GetPatch()))
			// Somebody wrote since: so the API server answers when the resourceVersion is not the newest.
			return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "secrets"}, "orders-app", nil)
		})
		if err := f.pass(); !apierrors.IsConflict(err) {
			t.Errorf("error %v, want the conflict, so that the queue tries again", err)
		}
		if len(sent) != 1 || !strings.Contains(sent[0], `"resourceVersion"`) {
			t.Errorf("sent %d writes, want one that names the version that was seen", len(sent))
		}
	})
}

func TestSyncTellsARefusedGrowthAndTriesAgainSlowly(t *testing.T) {
	t.Parallel()
	inBubble(t, 2, func(f *fixture) {
		f.settle()
		claims := f.kube.CoreV1().PersistentVolumeClaims("shop")
		for _, name := range []string{"orders-db-0", "orders-db-1"} {
			claim, err := claims.Get(t.Context(), name, metav1.GetOptions{})
			if err != nil {
				t.Fatal(err)
			}
			claim.Status.Phase = corev1.ClaimBound
			if _, err := claims.UpdateStatus(t.Context(), claim, metav1.UpdateOptions{}); err != nil {
				t.Fatal(err)
			}
		}
		refused := 0
		f.kube.PrependReactor("patch", "persistentvolumeclaims",
			func(a clienttesting.Action) (bool, runtime.Object, error) {
				if name := a.(clienttesting.PatchAction).GetName(); name != "orders-db-0" {
					return false, nil, nil
				}
				refused++
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: "persistentvolumeclaims"},
					"orders-db-0", errNoExpansion)
			})
		f.resize("2Gi")
		for range 3 {
			if err := f.pass(); err != nil {
				t.Fatalf("a refused growth is for status, not for the queue: %v", err)
			}
		}
		result, err := f.c.sync(t.Context(), ordersKey)
		if err != nil || result.RequeueAfter != growthRetry || refused == 0 {
			t.Errorf("refused %d times, looks again after %s, %v; want %s", refused, result.RequeueAfter, err, growthRetry)
		}
		if got := f.condition(v1alpha1.ConditionDegraded); got.Reason != v1alpha1.ReasonForbidden ||
			!strings.Contains(got.Message, errNoExpansion.Error()) {
			t.Errorf("Degraded is %s: %q, want the words of the API server", got.Reason, got.Message)
		}
		claim, err := claims.Get(t.Context(), "orders-db-1", metav1.GetOptions{})
		if err != nil || !claim.Spec.Resources.Requests.Storage().Equal(k8sresource.MustParse("2Gi")) {
			t.Errorf("the other volume asks for %v, %v; want 2Gi", claim.Spec.Resources.Requests, err)
		}
	})
}

type refusal string

func (r refusal) Error() string { return string(r) }

const errNoExpansion = refusal("only dynamically provisioned pvc can be resized")

// resize edits spec.storage.size.
func (f *fixture) resize(size string) {
	f.t.Helper()
	clusters := f.atlas.AtlasDBV1alpha1().DatabaseClusters("shop")
	cluster, err := clusters.Get(f.t.Context(), "orders", metav1.GetOptions{})
	if err != nil {
		f.t.Fatal(err)
	}
	cluster.Spec.Storage.Size = k8sresource.MustParse(size)
	if _, err := clusters.Update(f.t.Context(), cluster, metav1.UpdateOptions{}); err != nil {
		f.t.Fatal(err)
	}
	synctest.Wait()
}
