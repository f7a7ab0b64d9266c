// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Table is a table, view or dictionary as its server describes it.
type Table struct {
	Database, Name, Engine string
	// Create is the statement that makes it. In it macros stand for the member.
	Create string
}

// FullName is the table's name with that of its database, as it stands in a statement.
func (t Table) FullName() string { return Quote(t.Database) + "." + Quote(t.Name) }

// Missing are the tables that others have and a member has not, in an order in which most can be made: what has data
// first, then what reads from that, then views, which need all else. Tables that a view makes for itself come with it.
func Missing(mine, theirs []Table) []Table {
	var missing []Table
	for _, t := range theirs {
		has := func(other Table) bool { return other.Database == t.Database && other.Name == t.Name }
		if !t.inner() && !t.alone() && !slices.ContainsFunc(mine, has) && !slices.ContainsFunc(missing, has) {
			missing = append(missing, t)
		}
	}
	slices.SortFunc(missing, func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.FullName(), b.FullName()))
	})
	return missing
}

// Alone are the tables whose data only this member has.
func Alone(mine []Table) []Table {
	return slices.DeleteFunc(slices.Clone(mine), func(t Table) bool { return !t.alone() })
}

// SchemaBehind says in what the tables of members differ; "" for nothing.
func SchemaBehind(missing, alone []Table) string {
	var parts []string
	if len(missing) > 0 {
		parts = append(parts, "missing here: "+names(missing))
	}
	if len(alone) > 0 {
		parts = append(parts, "not replicated: "+names(alone))
	}
	return strings.Join(parts, "; ")
}

func names(tables []Table) string {
	var all []string
	for _, t := range tables {
		all = append(all, t.Database+"."+t.Name)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

// inner says that a MaterializedView has made the table.
func (t Table) inner() bool { return strings.HasPrefix(t.Name, ".inner") }

// alone says that the table keeps data on the disk and shares it with no other member.
func (t Table) alone() bool {
	return (strings.HasSuffix(t.Engine, "MergeTree") && !strings.HasPrefix(t.Engine, "Replicated")) ||
		slices.Contains(keepingEngines, t.Engine)
}

// keepingEngines keep data on the disk of their own server.
var keepingEngines = []string{"Log", "TinyLog", "StripeLog", "Set", "Join", "EmbeddedRocksDB", "File"}

// rank is when a table is made.
func (t Table) rank() int {
	switch {
	case strings.HasPrefix(t.Engine, "Replicated"):
		return 0
	case t.Engine == "View":
		return 2
	case t.Engine == "MaterializedView":
		return 3
	}
	return 1
}

// replicatedEngine finds where in the keepers' tree a statement puts a table.
var replicatedEngine = regexp.MustCompile(`ENGINE = Replicated[A-Za-z]*MergeTree\('([^']*)'`)

// ReplicaPath is where in the keepers' tree a member has a table, as the table's statement says with macros; found is
// false when it does not say so, or in words that only a server knows.
func ReplicaPath(plan engine.Plan, member PathOwner, t Table) (path string, found bool) {
	at := replicatedEngine.FindStringSubmatch(t.Create)
	if at == nil {
		return "", false
	}
	path = strings.NewReplacer(
		"{"+MacroCluster+"}", plan.Cluster, "{"+MacroShard+"}", strconv.Itoa(member.Shard),
		"{"+MacroReplica+"}", member.Name, "{database}", t.Database, "{table}", t.Name,
	).Replace(at[1])
	return path, !strings.ContainsAny(path, `{}\`)
}

// PathInShard is where another shard has a table in the keepers' tree, going by where a member has it; found is false
// when that does not depend on the shard, or cannot be told.
func PathInShard(plan engine.Plan, me engine.PlanMember, t Table, mine string, shard int) (path string, found bool) {
	// The members of a shared database agree on a table's {uuid}, which only the own path tells.
	t.Create = strings.ReplaceAll(t.Create, "{uuid}", uuid.FindString(mine))
	own, known := ReplicaPath(plan, PathOwner{Name: me.Name, Shard: me.Shard}, t)
	path, found = ReplicaPath(plan, PathOwner{Shard: shard}, t)
	return path, known && found && own == mine && path != own
}

var uuid = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// PathOwner is whose macros count: a member, or one that has left with its shard.
type PathOwner struct {
	Name  string
	Shard int
}
