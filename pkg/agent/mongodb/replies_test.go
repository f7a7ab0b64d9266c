// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// read reads an answer as the manual prints it.
func read[T any](t *testing.T, extendedJSON string) (answer T) {
	t.Helper()
	if err := bson.UnmarshalExtJSON([]byte(extendedJSON), false, &answer); err != nil {
		t.Fatal(err)
	}
	return answer
}

// TestSetStatus reads the example of the manual, shortened
// (https://www.mongodb.com/docs/manual/reference/command/replSetGetStatus/).
func TestSetStatus(t *testing.T) {
	t.Parallel()
	status := read[setStatus](t, `{
		"set": "replset", "date": {"$date": "2020-03-05T05:24:45.567Z"}, "myState": 1, "term": {"$numberLong": "3"},
		"syncSourceHost": "", "syncSourceId": -1, "heartbeatIntervalMillis": {"$numberLong": "2000"},
		"majorityVoteCount": 2, "writeMajorityCount": 2, "votingMembersCount": 3, "writableVotingMembersCount": 3,
		"members": [
			{"_id": 0, "name": "m1.example.net:27017", "health": 1, "state": 1, "stateStr": "PRIMARY", "uptime": 269,
			 "optime": {"ts": {"$timestamp": {"t": 1583385878, "i": 1}}, "t": {"$numberLong": "3"}},
			 "syncSourceHost": "", "configVersion": 1, "configTerm": 1, "self": true, "lastHeartbeatMessage": ""},
			{"_id": 1, "name": "m2.example.net:27017", "health": 0, "state": 8, "stateStr": "(not reachable/healthy)",
			 "optime": {"ts": {"$timestamp": {"t": 0, "i": 0}}, "t": {"$numberLong": "-1"}}, "configVersion": 1}
		],
		"ok": 1}`)
	if status.MyState != 1 || status.Term != 3 || status.SyncSource != "" {
		t.Errorf("read %+v", status)
	}
	want := []mongodb.Seen{
		{Host: "m1.example.net:27017", State: mongodb.StatePrimary, Healthy: true, Self: true,
			Optime: mongodb.Optime{Term: 3, Seconds: 1583385878, Increment: 1}},
		{Host: "m2.example.net:27017", State: mongodb.StateDown, Optime: mongodb.Optime{Term: -1}},
	}
	if d := cmp.Diff(want, seenIn(status)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// documented is the example of the manual
// (https://www.mongodb.com/docs/manual/reference/replica-configuration/), with a tag that somebody gave a member.
const documented = `{"config": {
	"_id": "rs0", "version": 1, "term": 1,
	"members": [
		{"_id": 0, "host": "a.example.net:27017", "arbiterOnly": false, "buildIndexes": true, "hidden": false,
		 "priority": 1, "tags": {"dc": "ny"}, "secondaryDelaySecs": {"$numberLong": "0"}, "votes": 1},
		{"_id": 1, "host": "b.example.net:27017", "arbiterOnly": false, "buildIndexes": true, "hidden": false,
		 "priority": 0, "tags": {}, "secondaryDelaySecs": {"$numberLong": "0"}, "votes": 0}
	],
	"protocolVersion": {"$numberLong": "1"}, "writeConcernMajorityJournalDefault": true,
	"settings": {"chainingAllowed": true, "heartbeatIntervalMillis": 2000, "heartbeatTimeoutSecs": 10,
		"electionTimeoutMillis": 10000, "catchUpTimeoutMillis": -1, "catchUpTakeoverDelayMillis": 30000,
		"getLastErrorModes": {}, "getLastErrorDefaults": {"w": 1, "wtimeout": 0},
		"replicaSetId": {"$oid": "585ab9df685f726db2c6a840"}}},
	"commitmentStatus": true, "ok": 1}`

func TestConfig(t *testing.T) {
	t.Parallel()
	answer := read[setConfig](t, documented)
	got, err := readConfig(answer.Document)
	if err != nil || !answer.Committed {
		t.Fatalf("read %+v, %v", answer, err)
	}
	want := mongodb.Config{ReplicaSetID: "585ab9df685f726db2c6a840", Version: 1, Members: []mongodb.ConfigMember{
		{ID: 0, Host: "a.example.net:27017", Votes: 1, Priority: 1}, {ID: 1, Host: "b.example.net:27017"},
	}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
}

// TestAChangeKeepsWhatItIsNotAbout: tags and settings that somebody gave a set outlive every change of its members.
func TestAChangeKeepsWhatItIsNotAbout(t *testing.T) {
	t.Parallel()
	document := read[setConfig](t, documented).Document
	config, err := readConfig(document)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range map[string]struct {
		move mongodb.Move
		want mongodb.Config
	}{
		"a vote": {mongodb.Move{Kind: mongodb.Grant, Host: "b.example.net:27017", ID: 1}, mongodb.Config{
			ReplicaSetID: config.ReplicaSetID, Version: 2, Members: []mongodb.ConfigMember{
				{ID: 0, Host: "a.example.net:27017", Votes: 1, Priority: 1},
				{ID: 1, Host: "b.example.net:27017", Votes: 1, Priority: 1},
			}}},
		"another member": {mongodb.Move{Kind: mongodb.Add, Host: "c.example.net:27017", ID: 2}, mongodb.Config{
			ReplicaSetID: config.ReplicaSetID, Version: 2, Members: []mongodb.ConfigMember{
				{ID: 0, Host: "a.example.net:27017", Votes: 1, Priority: 1}, {ID: 1, Host: "b.example.net:27017"},
				{ID: 2, Host: "c.example.net:27017"},
			}}},
		"one less": {mongodb.Move{Kind: mongodb.Remove, Host: "b.example.net:27017", ID: 1}, mongodb.Config{
			ReplicaSetID: config.ReplicaSetID, Version: 2, Members: []mongodb.ConfigMember{
				{ID: 0, Host: "a.example.net:27017", Votes: 1, Priority: 1},
			}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			after, err := changed(document, config.After(x.move))
			if err != nil {
				t.Fatal(err)
			}
			got, err := readConfig(after)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(x.want, got); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
			if d := cmp.Diff(value(document, "settings"), value(after, "settings")); d != "" {
				t.Errorf("the settings changed, -want +got:\n%s", d)
			}
			members, err := membersIn(after)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(bson.D{{Key: "dc", Value: "ny"}}, value(members["a.example.net:27017"], "tags")); d != "" {
				t.Errorf("the tags changed, -want +got:\n%s", d)
			}
		})
	}
}
