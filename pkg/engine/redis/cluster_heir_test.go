// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "testing"

func TestHeir(t *testing.T) {
	t.Parallel()
	left := Estate{History: "h", Level: []string{"a", "b", "c"}}
	replica := func(member string, offset int64) Bereaved {
		return Bereaved{Member: member, History: "h", Offset: offset}
	}
	reads, copies := replica("b", 0), replica("a", 9)
	reads.Receiving, copies.Copying = true, true
	stranger := replica("d", 9)
	stranger.Receiving = true
	for name, x := range map[string]struct {
		left     Estate
		replicas []Bereaved
		want     string
	}{
		"nobody answers":             {left, nil, ""},
		"the one that there is":      {left, []Bereaved{replica("a", 5)}, "a"},
		"the furthest":               {left, []Bereaved{replica("a", 5), replica("b", 6)}, "b"},
		"the first of equals":        {left, []Bereaved{replica("a", 5), replica("b", 5)}, "a"},
		"of another history":         {left, []Bereaved{{Member: "a", History: "other", Offset: 9}}, ""},
		"in the middle of a copy":    {left, []Bereaved{copies}, ""},
		"one that was not level":     {left, []Bereaved{replica("d", 9)}, ""},
		"one still reads":            {left, []Bereaved{replica("a", 9), reads}, ""},
		"a stranger still reads":     {left, []Bereaved{replica("a", 5), stranger}, "a"},
		"one is primary already":     {left, []Bereaved{replica("a", 5), {Member: "b", Leads: true}}, ""},
		"nothing is known of before": {Estate{Level: []string{"a"}}, []Bereaved{{Member: "a"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := x.left.Heir(x.replicas)
			if got != x.want || found != (x.want != "") {
				t.Errorf("heir is %q, %v, want %q", got, found, x.want)
			}
		})
	}
}
