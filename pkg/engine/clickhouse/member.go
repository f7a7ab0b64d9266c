// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Own is what a member knows and the plan does not have.
type Own struct {
	// Address is the IP address of its pod.
	Address string
	// Agent is the password of the agent's own user, Members what members say to each other.
	Agent, Members string
}

// ServerFiles gives all files of a member's server by their path below ConfigDirectory: those of the plan, and those
// that only this member has.
func ServerFiles(plan engine.Plan, member string, own Own) (map[string]string, error) {
	me, planned := plan.Member(member)
	if !planned || me.Component != "" {
		return nil, fmt.Errorf("%s is no member of the plan", member)
	}
	if own.Agent == "" || own.Members == "" {
		return nil, errors.New("a password is empty, and nobody may come in without one")
	}
	d := dialectFor(plan.Build)
	alone, err := render(d.Root, d.member(plan, me, own)...)
	if err != nil {
		return nil, err
	}
	accounts, err := d.accounts(plan, own)
	if err != nil {
		return nil, err
	}
	return map[string]string{
		ConfigFile: plan.Files[ConfigFile], UsersFile: plan.Files[UsersFile], MemberFile: alone, AccountsFile: accounts,
	}, nil
}

// member is what a member has of its own, and what the members of a cluster are to each other.
func (d Dialect) member(plan engine.Plan, me engine.PlanMember, own Own) []element {
	all := []element{
		leaf("display_name", me.Name),
		leaf("interserver_https_host", d.reachedAt(me, own)),
		group("interserver_http_credentials",
			leaf("user", InterserverUser), secret("password", own.Members)),
		group("macros",
			leaf(MacroCluster, plan.Cluster),
			leaf(MacroShard, strconv.Itoa(me.Shard)),
			leaf(MacroReplica, me.Name)),
		group("remote_servers", group(plan.Cluster, d.shards(plan, own)...)),
		// An application may read from its own cluster, and from no other machine by way of this one.
		group("remote_url_allow_hosts", leaf("host_regexp", siblings(me))),
	}
	return append(all, d.consensus(plan)...)
}

// reachedAt is where other members fetch parts from, and what a member writes into the keepers' tree at each start.
func (d Dialect) reachedAt(me engine.PlanMember, own Own) string {
	if d.OldAddresses && own.Address != "" {
		return own.Address
	}
	return me.Host
}

// shards are all members of a cluster, by shard. Nothing new is sent to a shard that leaves; it is still read.
func (d Dialect) shards(plan engine.Plan, own Own) []element {
	var all []element
	if d.ClusterSecret {
		all = append(all, secret("secret", own.Members))
	}
	for _, shard := range ShardsOf(plan) {
		one := group("shard", yesNo("internal_replication", true))
		if plan.Leaving(shard) {
			one.children = append(one.children, number("weight", 0))
		}
		for _, m := range plan.InShard(shard) {
			one.children = append(one.children, d.replica(m, own))
		}
		all = append(all, one)
	}
	return all
}

// replica is how a member is reached by another.
func (d Dialect) replica(m engine.PlanMember, own Own) element {
	one := group("replica", leaf("host", m.Host), number("port", NativePort), number("secure", 1))
	if !d.ClusterSecret {
		one.children = append(one.children, leaf("user", InterserverUser), secret("password", own.Members))
	}
	return one
}

// consensus is where the keepers are. Without any there is no replicated table, and nothing is done on all members at
// once.
func (d Dialect) consensus(plan engine.Plan) []element {
	keepers := plan.Ensemble()
	if len(keepers) == 0 {
		return nil
	}
	var nodes []element
	for _, k := range keepers {
		node := group("node", leaf("host", k.Host), number("port", d.Keeper.ports()[0]))
		if d.Keeper == ClickHouseKeeper {
			node.children = append(node.children, number("secure", 1))
		}
		nodes = append(nodes, node)
	}
	// So long after a member died its replicas count as dead, and its own next life gets them back.
	nodes = append(nodes, leaf("session_timeout_ms", "10000"))
	if d.SlowSessions {
		nodes = append(nodes, leaf("operation_timeout_ms", "3000"))
	}
	return []element{
		group("zookeeper", nodes...),
		group("distributed_ddl", leaf("path", "/clickhouse/task_queue/ddl")),
	}
}

// siblings matches the names of all that are in the same domain as a member.
func siblings(me engine.PlanMember) string {
	_, domain, _ := strings.Cut(me.Host, ".")
	return `^[a-z0-9-]+\.` + regexp.QuoteMeta(domain) + `$`
}

// ShardsOf are the indices of all shards that a plan has members of, those that leave too.
func ShardsOf(plan engine.Plan) []int {
	var shards []int
	for shard := 0; len(plan.InShard(shard)) > 0; shard++ {
		shards = append(shards, shard)
	}
	return shards
}
