// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package daemon

import "testing"

func TestRunsKnowsTheKernelsShortNames(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		comm, program string
		want          bool
	}{
		{"etcd", "/cache/etcd", true},
		{"kube-controller", "/cache/kube-controller-manager", true},
		{"containerd", "/usr/bin/containerd", true},
		{"containerd-shim", "/usr/bin/containerd", false},
		{"localkube", "/cache/etcd", false},
	} {
		if got := runs(test.comm, test.program); got != test.want {
			t.Errorf("runs(%s, %s): %t, want %t", test.comm, test.program, got, test.want)
		}
	}
}
