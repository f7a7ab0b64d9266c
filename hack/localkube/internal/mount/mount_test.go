// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mount

import (
	"slices"
	"strings"
	"testing"
)

const mountinfo = `22 1 254:0 / / rw - ext4 /dev/vda rw
30 22 0:4 net:[1] /state/dev/netns/node-1 rw - nsfs nsfs rw
31 22 0:50 / /state/dev/node-1/a\040b rw - tmpfs tmpfs rw
32 31 0:51 / /state/dev/node-1/a\040b/c rw - tmpfs tmpfs rw
33 22 0:52 / /state/dev2/node-1 rw - tmpfs tmpfs rw
`

func TestParseListsTheInnermostFirst(t *testing.T) {
	t.Parallel()
	got, err := parse(strings.NewReader(mountinfo), "/state/dev")
	want := []string{"/state/dev/node-1/a b/c", "/state/dev/node-1/a b", "/state/dev/netns/node-1"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
}
