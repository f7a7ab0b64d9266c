// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

// MayForget says whether a member that has lost its data may come back with the vote that a configuration gives it.
//
// An acknowledged write is with a majority, and a candidate needs the votes of one; the two share a voter, which
// refuses a candidate that lacks the write. A voter that lost its volume refuses nobody. Of an odd number of voters it
// may be the only one that the two share, and then somebody is elected without the write. Two majorities of an even
// number share two.
func (c Config) MayForget(host string) bool {
	m, there := c.Find(host)
	return !there || m.Votes == 0 || len(c.Voters())%2 == 0
}
