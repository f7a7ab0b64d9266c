// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"context"
	"fmt"
	"os"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
)

// Deadline is how long a test waits for anything before it fails. Real databases come up in seconds; the rest is for a
// busy machine.
const Deadline = 2 * time.Minute

// Frame is what a test stands on: clients, and a namespace of its own.
type Frame struct {
	*testing.T
	Kube  kubernetes.Interface
	Atlas versioned.Interface
	// NS is the namespace, and Began when it was made.
	NS    string
	Began time.Time
}

// New makes a namespace that enforces Pod Security restricted. When the test fails, what is in it is printed.
func New(t *testing.T) *Frame {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		t.Fatal(err)
	}
	config.QPS, config.UserAgent = -1, "atlasdb-e2e"
	f := &Frame{
		T: t, Began: time.Now(), Kube: kubernetes.NewForConfigOrDie(config), Atlas: versioned.NewForConfigOrDie(config),
	}
	ns, err := f.Kube.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "e2e-", Labels: map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	f.Must(err)
	f.NS = ns.Name
	t.Cleanup(f.Remove)
	f.dumpIfFailed()
	return f
}

// Remove deletes the namespace before the test ends, for a test that needs the room.
func (f *Frame) Remove() {
	err := f.Kube.CoreV1().Namespaces().Delete(context.Background(), f.NS, metav1.DeleteOptions{})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		f.Logf("Deleting namespace: %v", err)
	}
}

// On gives the same frame to a subtest, which prints what is there when it fails.
func (f *Frame) On(t *testing.T) *Frame {
	t.Helper()
	sub := *f
	sub.T = t
	sub.dumpIfFailed()
	return &sub
}

// Must ends the test when there is an error.
func (f *Frame) Must(err error) {
	f.Helper()
	if err != nil {
		f.Fatal(err)
	}
}

// Step prints what the test has reached, and when.
func (f *Frame) Step(format string, args ...any) {
	f.Helper()
	f.Logf("%6.1fs  %s", time.Since(f.Began).Seconds(), fmt.Sprintf(format, args...))
}
