// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// status follows mongodb.com/docs/manual/reference/command/replSetGetStatus/.
func (s *Server) status(context.Context, *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.topology
	if t.Config == nil {
		return nil, fail(notYetInitialized, "no replset config has been received")
	}
	if t.Own() == nil {
		return nil, fail(invalidReplicaSetConfig, "Our replica set config is invalid or we are not a member of it")
	}
	voters := int32(t.Config.Voters())
	majority := int32(t.Config.Majority())
	reply := bson.D{
		{Key: "set", Value: t.Config.ID}, {Key: "date", Value: time.Now()}, {Key: "myState", Value: t.State()},
		{Key: "term", Value: t.Term}, {Key: "syncSourceHost", Value: s.source}, {Key: "syncSourceId", Value: s.sourceID()},
		{Key: "heartbeatIntervalMillis", Value: t.Config.Settings.HeartbeatIntervalMillis},
		{Key: "majorityVoteCount", Value: majority}, {Key: "writeMajorityCount", Value: majority},
		{Key: "votingMembersCount", Value: voters}, {Key: "writableVotingMembersCount", Value: voters},
		{Key: "optimes", Value: s.optimes()},
	}
	if t.Following == replset.Startup2 {
		reply = append(reply, bson.E{Key: "initialSyncStatus", Value: bson.D{
			{Key: "appliedOps", Value: int64(s.oplog.Len())}, {Key: "approxTotalBytesCopied", Value: s.oplog.Size()}}})
	}
	if t.Role == replset.Leader {
		reply = append(reply, bson.E{Key: "electionCandidateMetrics", Value: bson.D{
			{Key: "lastElectionDate", Value: t.ElectedAt}, {Key: "electionTerm", Value: t.Term}}})
	}
	members := bson.A{}
	for _, m := range t.Config.Members {
		members = append(members, s.describeOne(m))
	}
	return append(reply, bson.E{Key: "members", Value: members}), nil
}

func (s *Server) sourceID() int32 {
	for _, m := range s.topology.Config.Members {
		if m.Host == s.source {
			return m.ID
		}
	}
	return replset.NoMember
}

func (s *Server) optimes() bson.D {
	t := s.topology
	return bson.D{
		{Key: "lastCommittedOpTime", Value: t.Committed}, {Key: "lastCommittedWallTime", Value: t.CommittedWall},
		{Key: "readConcernMajorityOpTime", Value: t.Committed}, {Key: "readConcernMajorityWallTime", Value: t.CommittedWall},
		{Key: "appliedOpTime", Value: t.Applied}, {Key: "durableOpTime", Value: t.Durable},
		{Key: "writtenOpTime", Value: t.Applied},
		{Key: "lastAppliedWallTime", Value: t.AppliedWall}, {Key: "lastDurableWallTime", Value: t.DurableWall},
		{Key: "lastWrittenWallTime", Value: t.AppliedWall},
	}
}

// describeOne is one member in the status: this one by itself, another by its last answer.
func (s *Server) describeOne(m replset.Member) bson.D {
	t := s.topology
	if m.ID == t.Self {
		return s.describeSelf(m)
	}
	p := t.Peers[m.ID]
	health, uptime := int32(0), int64(0)
	if p.Healthy {
		health, uptime = 1, int64(time.Since(s.started).Seconds())
	}
	entry := append(member(m, health, p.State, uptime), places(p.Position)...)
	entry = append(entry,
		bson.E{Key: "optimeDurable", Value: p.Durable}, bson.E{Key: "optimeDurableDate", Value: date(p.Durable.TS)},
		bson.E{Key: "lastHeartbeat", Value: p.LastHeartbeat}, bson.E{Key: "lastHeartbeatRecv", Value: p.LastReceived},
		bson.E{Key: "pingMs", Value: p.PingMillis}, bson.E{Key: "lastHeartbeatMessage", Value: p.Message},
		bson.E{Key: "syncSourceHost", Value: p.SyncingTo})
	if p.State == replset.Primary {
		entry = append(entry, bson.E{Key: "electionTime", Value: p.ElectionTime.TS},
			bson.E{Key: "electionDate", Value: date(p.ElectionTime.TS)})
	}
	return append(entry, bson.E{Key: "configVersion", Value: p.ConfigVersion},
		bson.E{Key: "configTerm", Value: p.ConfigTerm})
}

func (s *Server) describeSelf(m replset.Member) bson.D {
	t := s.topology
	entry := append(member(m, 1, t.State(), int64(time.Since(s.started).Seconds())), places(t.Position)...)
	entry = append(entry, bson.E{Key: "syncSourceHost", Value: s.source},
		bson.E{Key: "syncSourceId", Value: s.sourceID()}, bson.E{Key: "infoMessage", Value: ""})
	if t.Role == replset.Leader {
		entry = append(entry, bson.E{Key: "electionTime", Value: t.ElectionTime.TS},
			bson.E{Key: "electionDate", Value: t.ElectedAt})
	}
	return append(entry, bson.E{Key: "configVersion", Value: t.Config.Version},
		bson.E{Key: "configTerm", Value: t.Config.Term}, bson.E{Key: "self", Value: true},
		bson.E{Key: "lastHeartbeatMessage", Value: ""})
}

func member(m replset.Member, health int32, state replset.State, uptime int64) bson.D {
	return bson.D{{Key: "_id", Value: m.ID}, {Key: "name", Value: m.Host}, {Key: "health", Value: float64(health)},
		{Key: "state", Value: state}, {Key: "stateStr", Value: state.String()}, {Key: "uptime", Value: uptime}}
}

func places(p replset.Position) bson.D {
	return bson.D{{Key: "optime", Value: p.Applied}, {Key: "optimeDate", Value: date(p.Applied.TS)},
		{Key: "lastAppliedWallTime", Value: p.AppliedWall}, {Key: "lastDurableWallTime", Value: p.DurableWall}}
}

func date(at bson.Timestamp) time.Time { return time.Unix(int64(at.T), 0).UTC() }
