// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	kresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// KeeperDirectory has the data of a keeper: the log of what was agreed on, and snapshots.
const KeeperDirectory = DataDirectory + "/coordination"

// ZooKeeperIdentityFile is where a ZooKeeper finds its number (KeeperID).
const ZooKeeperIdentityFile = KeeperDirectory + "/myid"

// ZooKeeperOptionsFile has what the Java of a ZooKeeper is started with, as a file of arguments (java @file).
const ZooKeeperOptionsFile = "java.options"

// leastKeeperMemory is the least that a keeper does anything with.
const leastKeeperMemory = 256 * mib

// keeperOf is what a spec says of the keepers, or the defaults of the API.
func keeperOf(spec *v1alpha1.DatabaseClusterSpec) v1alpha1.KeeperSpec {
	var keeper v1alpha1.KeeperSpec
	if spec.ClickHouse != nil {
		keeper = spec.ClickHouse.Keeper
	}
	if keeper.Members == 0 {
		keeper.Members = 3
	}
	if keeper.Storage.Size == nil {
		size := kresource.MustParse("5Gi")
		keeper.Storage.Size = &size
	}
	return keeper
}

// keeperServer is keeper.xml: what every keeper is. Members show their certificate to it, and nobody else has one. How
// much memory it may have it finds out by itself.
func keeperServer() []element {
	all := []element{group("logger", leaf("level", "information"), yesNo("console", true))}
	all = append(all, listening()...)
	return append(all, openSSL("strict"), group("keeper_server",
		number("tcp_port_secure", KeeperPort),
		leaf("storage_path", KeeperDirectory),
		leaf("log_storage_path", KeeperDirectory+"/log"),
		leaf("snapshot_storage_path", KeeperDirectory+"/snapshots"),
		yesNo("enable_reconfiguration", true),
		leaf("four_letter_word_white_list", "conf,isro,mntr,ruok,rqld,srvr,stat,ydld"),
		group("coordination_settings",
			leaf("operation_timeout_ms", "10000"),
			leaf("session_timeout_ms", "30000"),
			yesNo("force_sync", true),
			leaf("raft_logs_level", "information"))))
}

// KeeperFiles gives all files of a keeper by their path below ConfigDirectory: those of the plan, and those that only
// this keeper has.
func KeeperFiles(plan engine.Plan, member string) (map[string]string, error) {
	me, planned := plan.Member(member)
	if !planned || me.Component != KeeperComponent {
		return nil, fmt.Errorf("%s is no keeper of the plan", member)
	}
	d := dialectFor(plan.Build)
	if d.Keeper == ZooKeeper {
		return map[string]string{
			ZooKeeperFile:        plan.Files[ZooKeeperFile] + properties(ensembleProperties(plan)),
			ZooKeeperOptionsFile: plan.Files[ZooKeeperOptionsFile],
		}, nil
	}
	raft := group("raft_configuration", yesNo("secure", true))
	for _, k := range plan.Ensemble() {
		raft.children = append(raft.children, group("server",
			number("id", KeeperID(k.Name)), leaf("hostname", k.Host), number("port", RaftPort)))
	}
	own, err := render(d.Root, group("keeper_server", number("server_id", KeeperID(me.Name)), raft))
	if err != nil {
		return nil, err
	}
	return map[string]string{KeeperFile: plan.Files[KeeperFile], KeeperMemberFile: own}, nil
}

// KeeperID is the number of a keeper among the others: its ordinal, counted from 1 since 0 is none.
func KeeperID(name string) int {
	ordinal, err := strconv.Atoi(name[strings.LastIndex(name, "-")+1:])
	if err != nil {
		return 0 // no name that AtlasDB gives
	}
	return ordinal + 1
}

// zooKeeperSettings are what every ZooKeeper is. Sessions may be as short as the members want them.
var zooKeeperSettings = map[string]string{
	"tickTime":                  "2000",
	"initLimit":                 "10",
	"syncLimit":                 "5",
	"dataDir":                   KeeperDirectory,
	"clientPort":                strconv.Itoa(ZooKeeperPort),
	"admin.enableServer":        "false",
	"4lw.commands.whitelist":    "conf,isro,mntr,ruok,srvr,stat",
	"autopurge.snapRetainCount": "3",
	"autopurge.purgeInterval":   "1",
	"maxClientCnxns":            "0",
	// One server is an ensemble too, so that others can join it.
	"standaloneEnabled":        "false",
	"quorumListenOnAllIPs":     "true",
	"skipACL":                  "no",
	"snapshot.trust.empty":     "false",
	"preAllocSize":             "16384",
	"fsync.warningthresholdms": "1000",
}

// ensembleProperties are all servers of an ensemble.
func ensembleProperties(plan engine.Plan) map[string]string {
	servers := map[string]string{}
	for _, k := range plan.Ensemble() {
		servers["server."+strconv.Itoa(KeeperID(k.Name))] =
			fmt.Sprintf("%s:%d:%d", k.Host, ZooKeeperPeerPort, ZooKeeperElectionPort)
	}
	return servers
}

// properties writes settings as Java reads them, sorted by name. Neither names nor values are anybody's but AtlasDB's.
func properties(all map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		b.WriteString(name + "=" + all[name] + "\n")
	}
	return b.String()
}

// zooKeeperOptions are what its Java is started with: half of the memory is for its heap, in which all data is.
func zooKeeperOptions(c capacity) string {
	return fmt.Sprintf("-Xmx%dm\n-XX:+UseSerialGC\n-XX:+ExitOnOutOfMemoryError\n", max(c.memory/2/mib, 64))
}
