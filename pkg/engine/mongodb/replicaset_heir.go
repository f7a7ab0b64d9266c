// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import "cmp"

// Bereaved is a member of a set whose primary died, as its own server tells.
type Bereaved struct {
	// Member is its name.
	Member string
	// Leads says that it accepts writes already, in Term.
	Leads bool
	Term  int64
	// State is what it is, Electable that the set's configuration lets it be primary.
	State     State
	Electable bool
	// Optime is how far its data goes.
	Optime Optime
}

// Heir is the member that should be asked to stand for election in the place of a primary that died in a term: of those
// that may be elected the one that goes furthest, as the others vote for no one who has less than they have. There is
// none when somebody was elected since.
func Heir(term int64, bereaved []Bereaved) (member string, found bool) {
	var best Bereaved
	for _, b := range bereaved {
		switch {
		case b.Leads && b.Term > term:
			return "", false
		case b.State != StateSecondary || !b.Electable:
		case best.Member == "" || b.Optime.Compare(best.Optime) > 0:
			best = b
		}
	}
	return best.Member, best.Member != ""
}

// Compare says which of two places comes later in the history of a set: a later term, or more in the same.
func (o Optime) Compare(other Optime) int {
	return cmp.Or(
		cmp.Compare(o.Term, other.Term), cmp.Compare(o.Seconds, other.Seconds), cmp.Compare(o.Increment, other.Increment),
	)
}

// Electable says that a configuration lets a host be primary.
func (c Config) Electable(host string) bool {
	m, there := c.Find(host)
	return there && m.Votes > 0 && m.Priority > 0
}
