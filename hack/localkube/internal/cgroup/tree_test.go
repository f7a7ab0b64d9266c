// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cgroup

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

const hybridMounts = `tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,relatime,cpuset 0 0
cgroup /sys/fs/cgroup/freezer cgroup rw,relatime,freezer 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw,relatime 0 0
`

func TestParseFindsAllHierarchies(t *testing.T) {
	t.Parallel()
	tree, err := parse(strings.NewReader(hybridMounts))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"/sys/fs/cgroup/cpuset", "/sys/fs/cgroup/freezer", "/sys/fs/cgroup/unified"}
	if !slices.Equal(tree.mounts, want) || tree.freezer != want[1] || tree.cpuset != want[0] {
		t.Errorf("got %+v, want mounts %v", tree, want)
	}
}

func TestParseRefusesAMachineWithoutFreezer(t *testing.T) {
	t.Parallel()
	_, err := parse(strings.NewReader("cgroup2 /sys/fs/cgroup cgroup2 rw,nosuid 0 0\n"))
	if !errors.Is(err, ErrUnsupported) {
		t.Errorf("got %v, want %v", err, ErrUnsupported)
	}
}

// A process is killed only for being in the group: ids are used again, paths of groups are not.
func TestMemberOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		content string
		want    bool
	}{
		{"6:freezer:/lk0\n5:devices:/\n", true},
		{"5:devices:/\n6:freezer:/lk0/node-1/kubepods/pod1/x\n", true},
		{"6:freezer:/lk01\n", false},
		{"6:freezer:/other/lk0\n", false},
		{"6:freezer:/\n", false},
		{"", false},
	} {
		if got := memberOf(test.content, "/lk0"); got != test.want {
			t.Errorf("memberOf(%q): %t, want %t", test.content, got, test.want)
		}
	}
}
