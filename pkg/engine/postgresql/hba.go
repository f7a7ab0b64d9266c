// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import "github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"

// renderHBA writes who may log in, and how. The first line that fits decides:
//
//   - the agent, as the superuser, over the socket that only its own user can open;
//   - the members, with their client certificate, to replicate and to compare histories (pg_rewind);
//   - nobody else under these two names;
//   - everybody else with a password that never crosses the network, encrypted unless the spec says otherwise.
//
// A user with the attribute REPLICATION reaches logical replication, which is a connection to a database; a copy of the
// whole server is only for members.
func renderHBA(mode v1alpha1.TLSMode) string {
	clients := "hostssl"
	if mode == v1alpha1.TLSPreferred {
		clients = "host"
	}
	return ownHBA + clients + " all all all scram-sha-256\n" + restHBA
}

// ClosedHBA is the content of HBAFile while applications may not log in.
const ClosedHBA = ownHBA + restHBA

const (
	ownHBA = fileHeader +
		"local all " + SuperUser + " peer\n" +
		"hostssl replication," + SuperUser + " " + ReplicationUser + " all cert\n" +
		"host all,replication " + SuperUser + "," + ReplicationUser + " all reject\n"
	restHBA = "host all,replication all all reject\n"
)
