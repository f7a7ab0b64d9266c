// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Replica is one replicated table as its server sees it.
type Replica struct {
	Database, Table string
	// Path is the table's in the keepers' tree: the replicas of a table share it.
	Path string
	// ReadOnly says that the server has no session with the keepers for it, and learns of nothing new.
	ReadOnly bool
	// Inserts is how many parts it has still to get.
	Inserts uint64
	// Delay is how many seconds old the oldest change is that the table has not got, 0 for none.
	Delay uint64
}

// MostDelay is how many seconds a table may be behind the most recent sibling's and still count as level.
const MostDelay = 10

// Complete says whether every table has all that it knows of.
func Complete(mine []Replica) bool {
	return !slices.ContainsFunc(mine, func(r Replica) bool { return r.Inserts > 0 })
}

// ReadOnly says whether any table accepts no writes.
func ReadOnly(mine []Replica) bool {
	return slices.ContainsFunc(mine, func(r Replica) bool { return r.ReadOnly })
}

// Suspects says whether any table may lag, so that it is worth while to ask how far the siblings are.
func Suspects(mine []Replica) bool {
	return slices.ContainsFunc(mine, func(r Replica) bool { return r.Delay > MostDelay })
}

// Lagging says whether any table is further behind than the same of a sibling. What nobody has is behind nobody: the
// most recent replica of a table never lags, however much of its own queue it has still to do.
func Lagging(mine, siblings []Replica) bool {
	return slices.ContainsFunc(mine, func(r Replica) bool {
		return slices.ContainsFunc(siblings, func(other Replica) bool {
			return other.Path == r.Path && !other.ReadOnly && other.Delay+MostDelay < r.Delay
		})
	})
}

// Left are those of a table's replicas whose members were in the cluster and are not any more. A name that no member
// can have is a stranger's, and not for AtlasDB to judge.
func Left(plan engine.Plan, replicas []string) []string {
	member := regexp.MustCompile("^" + regexp.QuoteMeta(plan.Cluster) + `-db-[0-9]+(-[0-9]+)?$`)
	return slices.DeleteFunc(slices.Clone(replicas), func(name string) bool {
		_, planned := plan.Member(name)
		return planned || !member.MatchString(name)
	})
}

// LeftDatabase are the members that had a shared database and were in the cluster, and are not any more. The keepers'
// tree has each as its shard and its name.
func LeftDatabase(plan engine.Plan, replicas []string) (gone []PathOwner) {
	for _, replica := range replicas {
		shard, name, _ := strings.Cut(replica, "|")
		number, err := strconv.Atoi(shard)
		if err == nil && len(Left(plan, []string{name})) > 0 {
			gone = append(gone, PathOwner{Name: name, Shard: number})
		}
	}
	return gone
}
