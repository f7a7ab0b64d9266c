// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// manual is where MongoDB documents a command's reply.
const manual = "https://www.mongodb.com/docs/manual/reference/command/"

// shapes are the fields that the manual's pages show in replies, with the BSON type that they show them with, as far as
// AtlasDB or a driver reads them. "members.0.state" is a field of the first element of an array.
var shapes = []struct {
	page    string
	command bson.D
	fields  map[string]bson.Type
}{
	{"hello/", d("hello", 1), map[string]bson.Type{
		"isWritablePrimary": bson.TypeBoolean, "secondary": bson.TypeBoolean, "setName": bson.TypeString,
		"setVersion": bson.TypeInt32, "hosts": bson.TypeArray, "primary": bson.TypeString, "me": bson.TypeString,
		"electionId": bson.TypeObjectID, "topologyVersion.processId": bson.TypeObjectID,
		"topologyVersion.counter": bson.TypeInt64, "lastWrite.opTime.ts": bson.TypeTimestamp,
		"lastWrite.opTime.t": bson.TypeInt64, "lastWrite.lastWriteDate": bson.TypeDateTime,
		"lastWrite.majorityOpTime.ts": bson.TypeTimestamp, "lastWrite.majorityWriteDate": bson.TypeDateTime,
		"maxBsonObjectSize": bson.TypeInt32, "maxMessageSizeBytes": bson.TypeInt32, "maxWriteBatchSize": bson.TypeInt32,
		"localTime": bson.TypeDateTime, "logicalSessionTimeoutMinutes": bson.TypeInt32,
		"minWireVersion": bson.TypeInt32, "maxWireVersion": bson.TypeInt32, "readOnly": bson.TypeBoolean,
		"connectionId": bson.TypeInt32, "ok": bson.TypeDouble,
	}},
	{"replSetGetStatus/", d("replSetGetStatus", 1), map[string]bson.Type{
		"set": bson.TypeString, "date": bson.TypeDateTime, "myState": bson.TypeInt32, "term": bson.TypeInt64,
		"syncSourceHost": bson.TypeString, "syncSourceId": bson.TypeInt32, "heartbeatIntervalMillis": bson.TypeInt64,
		"majorityVoteCount": bson.TypeInt32, "writeMajorityCount": bson.TypeInt32, "votingMembersCount": bson.TypeInt32,
		"writableVotingMembersCount": bson.TypeInt32, "optimes.lastCommittedOpTime.ts": bson.TypeTimestamp,
		"optimes.lastCommittedWallTime": bson.TypeDateTime, "optimes.readConcernMajorityOpTime.t": bson.TypeInt64,
		"optimes.appliedOpTime.ts": bson.TypeTimestamp, "optimes.durableOpTime.ts": bson.TypeTimestamp,
		"optimes.lastAppliedWallTime": bson.TypeDateTime, "optimes.lastDurableWallTime": bson.TypeDateTime,
		"electionCandidateMetrics.lastElectionDate": bson.TypeDateTime,
		"electionCandidateMetrics.electionTerm":     bson.TypeInt64,
		"members.0._id":                             bson.TypeInt32, "members.0.name": bson.TypeString,
		"members.0.health": bson.TypeDouble,
		"members.0.state":  bson.TypeInt32, "members.0.stateStr": bson.TypeString, "members.0.uptime": bson.TypeInt64,
		"members.0.optime.ts": bson.TypeTimestamp, "members.0.optime.t": bson.TypeInt64,
		"members.0.optimeDate": bson.TypeDateTime, "members.0.lastAppliedWallTime": bson.TypeDateTime,
		"members.0.syncSourceHost": bson.TypeString, "members.0.electionTime": bson.TypeTimestamp,
		"members.0.electionDate": bson.TypeDateTime, "members.0.configVersion": bson.TypeInt32,
		"members.0.configTerm": bson.TypeInt64, "members.0.self": bson.TypeBoolean,
		"members.1.lastHeartbeat": bson.TypeDateTime, "members.1.lastHeartbeatRecv": bson.TypeDateTime,
		"members.1.pingMs": bson.TypeInt64, "members.1.lastHeartbeatMessage": bson.TypeString,
		"members.1.optimeDurable.ts": bson.TypeTimestamp, "members.1.optimeDurableDate": bson.TypeDateTime,
	}},
	{"replSetGetConfig/", d("replSetGetConfig", 1, "commitmentStatus", true), map[string]bson.Type{
		"config._id": bson.TypeString, "config.version": bson.TypeInt32, "config.term": bson.TypeInt64,
		"config.protocolVersion": bson.TypeInt64, "config.writeConcernMajorityJournalDefault": bson.TypeBoolean,
		"config.members.0._id": bson.TypeInt32, "config.members.0.host": bson.TypeString,
		"config.members.0.arbiterOnly": bson.TypeBoolean, "config.members.0.buildIndexes": bson.TypeBoolean,
		"config.members.0.hidden": bson.TypeBoolean, "config.members.0.priority": bson.TypeDouble,
		"config.members.0.tags": bson.TypeEmbeddedDocument, "config.members.0.secondaryDelaySecs": bson.TypeInt64,
		"config.members.0.votes": bson.TypeInt32, "config.settings.chainingAllowed": bson.TypeBoolean,
		"config.settings.electionTimeoutMillis": bson.TypeInt64, "config.settings.replicaSetId": bson.TypeObjectID,
		"commitmentStatus": bson.TypeBoolean,
	}},
	{"serverStatus/", d("serverStatus", 1), map[string]bson.Type{
		"host": bson.TypeString, "version": bson.TypeString, "process": bson.TypeString, "pid": bson.TypeInt64,
		"uptime": bson.TypeDouble, "localTime": bson.TypeDateTime, "connections.current": bson.TypeInt64,
		"opcounters.insert": bson.TypeInt64, "electionMetrics.electionTimeout.called": bson.TypeInt64,
		"electionMetrics.stepUpCmd.successful": bson.TypeInt64, "mem.resident": bson.TypeInt64,
		"wiredTiger.cache.maximum bytes configured": bson.TypeInt64,
	}},
	{"buildInfo/", d("buildInfo", 1), map[string]bson.Type{
		"version": bson.TypeString, "versionArray": bson.TypeArray, "gitVersion": bson.TypeString, "bits": bson.TypeInt32,
		"storageEngines": bson.TypeArray, "modules": bson.TypeArray, "maxBsonObjectSize": bson.TypeInt32,
	}},
	{"getCmdLineOpts/", d("getCmdLineOpts", 1), map[string]bson.Type{
		"argv": bson.TypeArray, "parsed.config": bson.TypeString, "parsed.replication.replSetName": bson.TypeString,
		"parsed.net.maxIncomingConnections": bson.TypeInt32,
	}},
	{"getParameter/", d("getParameter", 1, "cursorTimeoutMillis", 1), map[string]bson.Type{
		"cursorTimeoutMillis": bson.TypeInt64, "ok": bson.TypeDouble,
	}},
	{"setFeatureCompatibilityVersion/", d("getParameter", 1, "featureCompatibilityVersion", 1),
		map[string]bson.Type{"featureCompatibilityVersion.version": bson.TypeString}},
	{"setParameter/", d("setParameter", 1, "cursorTimeoutMillis", 300000), map[string]bson.Type{
		"was": bson.TypeInt64, "ok": bson.TypeDouble,
	}},
	{"getDefaultRWConcern/", d("getDefaultRWConcern", 1), map[string]bson.Type{
		"defaultWriteConcern.w": bson.TypeString, "defaultWriteConcern.wtimeout": bson.TypeInt32,
		"defaultReadConcern.level": bson.TypeString, "defaultWriteConcernSource": bson.TypeString,
		"defaultReadConcernSource": bson.TypeString, "localUpdateWallClockTime": bson.TypeDateTime,
	}},
	{"connectionStatus/", d("connectionStatus", 1), map[string]bson.Type{
		"authInfo.authenticatedUsers.0.user": bson.TypeString, "authInfo.authenticatedUsers.0.db": bson.TypeString,
		"authInfo.authenticatedUserRoles": bson.TypeArray,
	}},
	{"listDatabases/", d("listDatabases", 1), map[string]bson.Type{
		"databases.0.name": bson.TypeString, "databases.0.sizeOnDisk": bson.TypeInt64, "databases.0.empty": bson.TypeBoolean,
		"totalSize": bson.TypeInt64,
	}},
	{"dbStats/", d("dbStats", 1), map[string]bson.Type{
		"db": bson.TypeString, "collections": bson.TypeInt64, "objects": bson.TypeInt64, "dataSize": bson.TypeDouble,
	}},
}

// TestSimulatedRepliesHaveTheDocumentedShape holds replies of a primary with one other member against the manual.
func TestSimulatedRepliesHaveTheDocumentedShape(t *testing.T) {
	t.Parallel()
	simulate(t, 2, func(s *set) {
		s.initiate()
		s.grow()
		primary := s.nodes[0]
		s.eventually("both have asked each other", func() bool {
			return primary.must(d("replSetGetStatus", 1))["members"].(bson.A)[1].(bson.D)[4].Value == "SECONDARY"
		})
		client := primary.client(asMember())
		for _, shape := range shapes {
			reply, err := client.Database("admin").RunCommand(s.Context(), shape.command).Raw()
			if err != nil {
				s.Errorf("%s: %v", shape.page, err)
			}
			for path, want := range shape.fields {
				if got := reply.Lookup(strings.Split(path, ".")...).Type; got != want {
					s.Errorf("%s is %s, and %s at %s%s", path, got, want, manual, shape.page)
				}
			}
		}
	})
}

// TestSimulatedErrorsHaveTheDocumentedCodes: mongodb.com/docs/manual/reference/error-codes/.
func TestSimulatedErrorsHaveTheDocumentedCodes(t *testing.T) {
	t.Parallel()
	simulate(t, 1, func(s *set) {
		n := s.nodes[0]
		if hello := n.hello(); hello["isreplicaset"] != true || hello["setName"] != nil {
			s.Errorf("hello before there is a set: %v", hello)
		}
		for _, before := range []string{"replSetGetStatus", "replSetGetConfig"} {
			if _, err := n.run(d(before, 1)); code(err) != 94 {
				s.Errorf("%s before there is a set: %v, want NotYetInitialized", before, err)
			}
		}
		s.initiate()
		for name, tc := range map[string]struct {
			command bson.D
			want    int32
		}{
			"CommandNotFound":     {d("addShard", "x"), 59},
			"InvalidOptions, set": {d("setParameter", 1, "noSuchParameter", 1), 72},
			"InvalidOptions, get": {d("getParameter", 1, "noSuchParameter", 1), 72},
			"BadValue":            {d("setParameter", 1, "notablescan", "perhaps"), 2},
			"CursorNotFound":      {d("getMore", int64(7), "collection", "x"), 43},
			"NewReplicaSetConfigurationIncompatible": {d("replSetReconfig", d("_id", "rs0",
				"version", 1, "members", bson.A{d("_id", 0, "host", n.host)})), 103},
			"InvalidReplicaSetConfig": {d("replSetReconfig", d("_id", "rs0",
				"version", 2, "members", bson.A{})), 93},
		} {
			if _, err := n.run(tc.command); code(err) != tc.want {
				s.Errorf("%s: %v, want code %d", name, err, tc.want)
			}
		}
	})
}
