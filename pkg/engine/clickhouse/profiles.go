// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// Names of profiles. A server begins with the profile "default", which its own work in the background has too.
const (
	// defaultProfile begins the keys of its settings.
	defaultProfile = "profiles.default."
	// appProfile is what applications have, agentProfile what the agent has: no limit of a user's may stop that.
	appProfile, agentProfile = "application", "agent"
)

// profiles are the settings with which queries run.
func (d Dialect) profiles(spec *v1alpha1.DatabaseClusterSpec) element {
	c := capacityOf(spec.Resources, d.LeastMemory)
	application := append([]element{leaf("profile", "default")}, d.quorum(spec)...)
	return group("profiles",
		group("default", settings(d.parametersOf(spec, inProfile, d.profileDefaults(c)))...),
		group(appProfile, application...),
		// The agent looks again and again, and must get through when all else waits.
		group(agentProfile, leaf("log_queries", "0"), leaf("priority", "0")))
}

// profileDefaults are the settings of a profile that a user may set otherwise.
func (d Dialect) profileDefaults(c capacity) map[string]string {
	total := c.server()
	all := map[string]string{
		// A write whose quorum does not come is told so after this long, and nobody knows then whether it is kept. An old
		// server that is to stop waits for it, and members stop one after the other.
		"insert_quorum_timeout": "20000",
		"log_queries":           "1",
		// A session that says nothing finds out once in so many seconds that the server is to stop, which waits for that.
		"poll_interval": "1",
	}
	if !d.ServerMemory {
		total = c.queries()
		all["max_memory_usage_for_all_queries"] = decimal(total)
	}
	if !d.LogTTL {
		delete(all, "log_queries")
	}
	if !d.ServerPools {
		all["background_pool_size"] = decimal(c.mergers())
	}
	if c.cpus > 0 {
		all["max_threads"] = decimal(c.cpus) // the server may see all CPUs of the machine
	}
	if d.PatientFetches {
		// The longer of both counts for all that is done on a connection, and a handshake takes three such times.
		all["http_send_timeout"], all["http_receive_timeout"] = "5", "5"
	}
	query := c.query(total)
	all["max_memory_usage"] = decimal(query)
	all["max_bytes_before_external_group_by"] = decimal(spill(query))
	all["max_bytes_before_external_sort"] = decimal(spill(query))
	return all
}

// quorum is what an application's write waits for: the replicas of a table that have it, when that is more than one.
func (d Dialect) quorum(spec *v1alpha1.DatabaseClusterSpec) []element {
	switch {
	case spec.Durability != v1alpha1.DurabilityMajority || spec.Members < 2:
		return nil
	case d.AutoQuorum:
		return []element{leaf("insert_quorum", "auto")}
	}
	return []element{number("insert_quorum", spec.Members/2+1)}
}

// quotas count what users do, and limit nothing.
func quotas() element {
	return group("quotas", group("default", group("interval",
		leaf("duration", "3600"), leaf("queries", "0"), leaf("errors", "0"), leaf("result_rows", "0"),
		leaf("read_rows", "0"), leaf("execution_time", "0"))))
}
