// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "testing"

func TestHeir(t *testing.T) {
	t.Parallel()
	left := Estate{History: "h", Level: []string{"a", "b", "c"}}
	for name, x := range map[string]struct {
		left     Estate
		replicas []Bereaved
		want     string
	}{
		"nobody answers":             {left, nil, ""},
		"the one that there is":      {left, []Bereaved{{Member: "a", History: "h", Offset: 5}}, "a"},
		"the furthest":               {left, []Bereaved{{Member: "a", History: "h", Offset: 5}, {Member: "b", History: "h", Offset: 6}}, "b"},
		"the first of equals":        {left, []Bereaved{{Member: "a", History: "h", Offset: 5}, {Member: "b", History: "h", Offset: 5}}, "a"},
		"of another history":         {left, []Bereaved{{Member: "a", History: "other", Offset: 9}}, ""},
		"in the middle of a copy":    {left, []Bereaved{{Member: "a", History: "h", Offset: 9, Copying: true}}, ""},
		"one that was not level":     {left, []Bereaved{{Member: "d", History: "h", Offset: 9}}, ""},
		"one still reads":            {left, []Bereaved{{Member: "a", History: "h", Offset: 9}, {Member: "b", History: "h", Receiving: true}}, ""},
		"a stranger still reads":     {left, []Bereaved{{Member: "a", History: "h"}, {Member: "d", History: "h", Receiving: true}}, "a"},
		"one is primary already":     {left, []Bereaved{{Member: "a", History: "h"}, {Member: "b", Leads: true}}, ""},
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
