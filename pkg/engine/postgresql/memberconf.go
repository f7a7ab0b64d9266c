// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// MemberConfFile is the file with the settings that differ between members. It is read after ConfigFile.
const MemberConfFile = "atlasdb.member.conf"

// MemberConf renders the settings of one member: who it is, and whom it follows. primary is "" for a member that
// receives from nobody.
func MemberConf(plan engine.Plan, member, primary string) string {
	conninfo := ""
	if m, ok := plan.Member(primary); ok {
		conninfo = Conninfo(m.Host, member)
	}
	return RenderConfig(map[string]string{
		"cluster_name":             member,
		"primary_conninfo":         conninfo,
		"primary_slot_name":        Slot(plan.Cluster, member),
		"recovery_target_timeline": "latest",
	})
}

// Conninfo is how a member logs in to another: over TLS, with the members' certificate, and only to a server that shows
// a certificate of the cluster for that host. application_name is what the primary knows the replica by.
func Conninfo(host, member string) string {
	parts := [][2]string{
		{"host", host},
		{"user", ReplicationUser},
		{"application_name", member},
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
