// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import "slices"

// Bereaved is a replica of a primary that died, as it tells of itself.
type Bereaved struct {
	// Member is its name.
	Member string
	// Leads says that it is primary already, and owns slots.
	Leads bool
	// History is the name of the history that its data is of, Offset how far that goes.
	History string
	Offset  int64
	// Receiving says that it has not read its primary's last words yet. Copying says that it has no data of its own.
	Receiving, Copying bool
}

// Estate is what a primary left behind that died.
type Estate struct {
	// History is the name of its history, Level are the members that had all but the newest of it when it was seen last.
	History string
	Level   []string
}

// Succeeded says that one of them is primary in its place.
func Succeeded(replicas []Bereaved) bool {
	return slices.ContainsFunc(replicas, func(r Bereaved) bool { return r.Leads })
}

// Heir is the replica that should be asked to stand for election: of those that were level the one that is furthest.
// There is none yet while one of them reads. A replica that is asked does not look, as it would by itself, for how long
// it has not received, or whether it ever has; so nobody else may be asked.
func (e Estate) Heir(replicas []Bereaved) (member string, found bool) {
	var best Bereaved
	for _, r := range replicas {
		switch {
		case r.Leads:
			return "", false
		case e.History == "" || r.History != e.History || r.Copying || !slices.Contains(e.Level, r.Member):
		case r.Receiving:
			return "", false
		case best.Member == "" || r.Offset > best.Offset:
			best = r
		}
	}
	return best.Member, best.Member != ""
}
