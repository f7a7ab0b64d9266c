// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// MemberConfFile is the file with the settings that differ between members. It is read after ConfigFile.
const MemberConfFile = "atlasdb.member.conf"

// MemberSettings are what makes a member's settings differ from the others'.
type MemberSettings struct {
	// Member is the member, Primary whom it follows, "" for nobody.
	Member, Primary string
	// Quorum is the commit quorum that it enforces as primary.
	Quorum engine.Quorum
	// Epoch is that of the last promotion in the member's lineage.
	Epoch int64
	// Raised are parameters that must be higher than the plan has them.
	Raised map[string]string
}

// MemberConf renders the settings of one member.
func MemberConf(plan engine.Plan, m MemberSettings) string {
	conninfo := ""
	if primary, ok := plan.Member(m.Primary); ok {
		conninfo = Conninfo(primary.Host, ReplicaName(m.Member, m.Epoch))
	}
	settings := map[string]string{
		"cluster_name":              m.Member,
		"primary_conninfo":          conninfo,
		"primary_slot_name":         Slot(plan.Cluster, m.Member),
		"recovery_target_timeline":  "latest",
		"synchronous_standby_names": synchronousNames(m),
	}
	maps.Copy(settings, m.Raised)
	return RenderConfig(settings)
}

// ReplicaName is what a primary knows a replica by, its application_name: the member, and the epoch of the last
// promotion that it has noted on its volume. PostgreSQL follows a promotion all by itself, also when the agent is not
// there to note it; a replica whose data does not know where it comes from must not count for a write, since its vote
// would lose to older data that does.
func ReplicaName(member string, epoch int64) string { return fmt.Sprintf("%s/%d", member, epoch) }

// CopyName is the application_name of a copy that is being made: no write may count on it.
func CopyName(member string) string { return member + "/copy" }

// synchronousNames asks for a quorum in PostgreSQL's words.
func synchronousNames(m MemberSettings) string {
	count, others := m.Quorum.Others(m.Member)
	if count == 0 {
		return ""
	}
	for i, other := range others {
		others[i] = ReplicaName(other, m.Epoch)
	}
	return fmt.Sprintf(`ANY %d ("%s")`, count, strings.Join(others, `","`))
}

// StandbyParameters are those that a replica may not have lower than its primary
// (https://www.postgresql.org/docs/17/hot-standby.html, section Administrator's Overview).
var StandbyParameters = []string{
	"max_connections", "max_worker_processes", "max_wal_senders", "max_prepared_xacts", "max_prepared_transactions",
	"max_locks_per_xact", "max_locks_per_transaction",
}

// controlNames are the parameters that the control file calls otherwise.
var controlNames = map[string]string{
	"max_prepared_xacts": "max_prepared_transactions", "max_locks_per_xact": "max_locks_per_transaction",
}

// Raise compares what the primary has, as the control file calls it, with a configuration, and gives the parameters
// that a replica must have higher than that says.
func Raise(config string, primary map[string]string) map[string]string {
	raised := map[string]string{}
	for name, value := range primary {
		if setting, renamed := controlNames[name]; renamed {
			name = setting
		}
		has, err := strconv.Atoi(value)
		if wants := configured(config, name); err == nil && wants < has {
			raised[name] = value
		}
	}
	return raised
}

// serverDefaults are of StandbyParameters that AtlasDB leaves alone.
var serverDefaults = map[string]int{"max_prepared_transactions": 0, "max_locks_per_transaction": 64}

// configured is the value of a parameter in a configuration that RenderConfig wrote, or the server's own.
func configured(config, name string) int {
	for line := range strings.Lines(config) {
		if value, found := strings.CutPrefix(line, name+" = '"); found {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), "'"))
			if err == nil {
				return n
			}
		}
	}
	return serverDefaults[name]
}

// Conninfo is how a member logs in to another: over TLS, with the members' certificate, and only to a server that shows
// a certificate of the cluster for that host. name is what the primary knows the replica by.
func Conninfo(host, name string) string {
	parts := [][2]string{
		{"host", host},
		{"user", ReplicationUser},
		{"application_name", name},
		{"sslmode", "verify-full"},
		{"sslrootcert", resource.TLSMountPath + "/" + resource.CACertKey},
		{"sslcert", resource.TLSMountPath + "/" + resource.ClientCertKey},
		{"sslkey", resource.TLSMountPath + "/" + resource.ClientKeyKey},
		{"connect_timeout", "3"},
	}
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = p[0] + "=" + p[1]
	}
	return strings.Join(words, " ")
}
