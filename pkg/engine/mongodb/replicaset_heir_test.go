// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import "testing"

func TestHeir(t *testing.T) {
	t.Parallel()
	secondary := func(member string, term int64, seconds uint32) Bereaved {
		return Bereaved{
			Member: member, Term: 3, State: StateSecondary, Electable: true, Optime: Optime{Term: term, Seconds: seconds},
		}
	}
	copies, observer := secondary("a", 3, 9), secondary("a", 3, 9)
	copies.State, observer.Electable = StateStartup2, false
	elected, dead := secondary("b", 4, 1), secondary("b", 3, 9)
	elected.Leads, elected.Term = true, 4
	dead.Leads, dead.State = true, StatePrimary
	for name, x := range map[string]struct {
		bereaved []Bereaved
		want     string
	}{
		"nobody answers":              {nil, ""},
		"the one that there is":       {[]Bereaved{secondary("a", 3, 5)}, "a"},
		"the furthest":                {[]Bereaved{secondary("a", 3, 5), secondary("b", 3, 6)}, "b"},
		"the first of equals":         {[]Bereaved{secondary("a", 3, 5), secondary("b", 3, 5)}, "a"},
		"a later term counts more":    {[]Bereaved{secondary("a", 2, 9), secondary("b", 3, 5)}, "b"},
		"one that copies still":       {[]Bereaved{copies, secondary("b", 3, 5)}, "b"},
		"one that has no vote":        {[]Bereaved{observer, secondary("b", 3, 5)}, "b"},
		"somebody was elected":        {[]Bereaved{secondary("a", 3, 5), elected}, ""},
		"a primary of the same term":  {[]Bereaved{dead, secondary("a", 3, 5)}, "a"},
		"nobody who could be elected": {[]Bereaved{copies, observer}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, found := Heir(3, x.bereaved)
			if got != x.want || found != (x.want != "") {
				t.Errorf("heir is %q, %v, want %q", got, found, x.want)
			}
		})
	}
}
