// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// The words of the runbook, as the rules of this package say them.
type (
	observation = runbook.Observation
	step        = runbook.Step
)

// Runbook are the rules of a Redis member, asked in order. What keeps data safe comes first, then the parts that the
// election gives.
//
// Every server starts as a replica of nobody, whatever its data is: the position that it starts with is what is
// certainly on its disk, and only then does the election, or the primary's lineage, say what becomes of it.
var Runbook = []runbook.Rule{
	runbook.TouchNothingWithoutTheLock,
	demote,
	runbook.StopWhenTold,
	runbook.StayDownWhenToldTo,
	restAfterResigning,
	runbook.RefuseForeignData,
	runbook.WaitForTheElection,
	runbook.InitialiseOnce,
	runbook.NeverInitialiseAgain,
	runbook.BeNobodysPrimary,
	waitForTheServer,
	runbook.ReceiveFromNobody,
	runbook.RestartForParameters,
	neverLeadWithLess,
	runbook.ServeAsPrimary,
	makeRoomForACopy,
	followThePrimary,
}

// demote resigns without a stop: a server becomes a replica of nobody with all that it acknowledged, and goes on to
// answer reads. One that cannot be asked is stopped.
func demote(o observation) (step, bool) {
	s := o.Server
	switch {
	case o.Standing.Part != engine.PartResign || !s.Running:
		return step{}, false
	case s.Accepting && !s.InRecovery:
		return step{Kind: runbook.StepDemote, Reason: "another member is to be primary"}, true
	case s.Accepting && s.Primary == "":
		return step{}, false
	}
	return step{Kind: runbook.StepStopServer, Reason: "another member is to be primary, and this one does not answer"}, true
}

// restAfterResigning leaves a member that has resigned to the election.
func restAfterResigning(o observation) (step, bool) {
	return step{Kind: runbook.StepWait, Reason: "another member is to be primary"}, o.Standing.Part == engine.PartResign
}

// waitForTheServer leaves a server alone that reads its data, from the disk or from a primary, or that hangs: it takes
// no orders meanwhile.
func waitForTheServer(o observation) (step, bool) {
	return step{Kind: runbook.StepWait, Reason: "the server is starting, or reads a copy"},
		o.Server.Running && !o.Server.Accepting
}

// neverLeadWithLess: a server that died between its promotion and its first sign of life has forgotten a part of what it
// was elected for. It waits until the election gives up on it; the members that it was elected over may have more.
func neverLeadWithLess(o observation) (step, bool) {
	at := o.Volume.Point
	promoted := at.Lineage.Epoch() == o.Standing.Epoch && at.Lineage.At(at.Position).Epoch() != o.Standing.Epoch
	return step{Kind: runbook.StepWait, Reason: "the disk has less than what this member was elected for"},
		o.Standing.Part == engine.PartLead && promoted
}

// makeRoomForACopy throws away what a member has when somebody asked for a new copy, and prepares an empty volume. The
// copy itself is what a server without data gets when it follows (followThePrimary); until that is on the disk the
// member has no data (Volume.Broken).
func makeRoomForACopy(o observation) (step, bool) {
	if o.Volume.Broken {
		return step{}, false
	}
	return runbook.CopyFromThePrimary(o)
}

// followThePrimary makes a member receive from the primary that the election names, and from nobody else. A server that
// follows gives up whatever its primary does not have, down to everything. So it follows only a primary that is
// promoted already and has the data of this cluster, and its own position stands still until its agent has noted where
// that data comes from: a member that knows less would lose an election to older data (PROTOCOL I6b).
func followThePrimary(o observation) (step, bool) {
	primary := o.Standing.Primary
	switch s := o.Server; {
	case !s.Running:
		return step{Kind: runbook.StepStartReplica, Reason: "to follow the primary"}, true
	case s.Primary == primary && noted(o):
		return step{Kind: runbook.StepTend, Reason: "replica"}, true
	case s.Primary != "":
		return step{Kind: runbook.StepFollow, Reason: "the primary changed, or was promoted anew"}, true
	case !runbook.CanCopy(o):
		return step{Kind: runbook.StepWait, Reason: "there is no primary to follow yet"}, true
	case !o.Volume.Exact && !o.Volume.Broken:
		return step{Kind: runbook.StepWait, Reason: "it is not known yet how far the data goes"}, true
	}
	return step{Kind: runbook.StepFollow, Primary: primary, Reason: reasonToFollow(o)}, true
}

// noted says whether the member has noted the primary's last promotion.
func noted(o observation) bool {
	return !runbook.CanCopy(o) || o.Server.Timeline == o.Primary.Lineage.Epoch()
}

// reasonToFollow tells what becomes of the data that a member has. The server finds out the same by itself.
func reasonToFollow(o observation) string {
	switch {
	case o.Volume.Broken:
		return "a replica is a copy of the primary"
	case o.Volume.Point.Relate(o.Primary.Lineage) == engine.RelationFollow:
		return "its data is a beginning of the primary's"
	}
	return "its data has left the primary's history and is replaced by a copy"
}

// Shared gives the part of a member's data that is a beginning of a primary's too. While the one is being replaced by
// the other, that is what the disk has at any moment.
func Shared(mine engine.Point, primary engine.Lineage) engine.Point {
	reached := mine.Lineage.At(mine.Position)
	for last := len(reached) - 1; last >= 0; last-- {
		at := indexOf(primary, reached[last].Epoch)
		if at < 0 {
			continue
		}
		end := mine.Position
		for _, next := range [][]engine.Promotion{reached[last+1:], primary[at+1:]} {
			if len(next) > 0 {
				end = min(end, next[0].Position)
			}
		}
		return engine.Point{Lineage: reached[:last+1], Position: end}
	}
	return engine.Point{}
}

func indexOf(l engine.Lineage, epoch int64) int {
	for i, p := range l {
		if p.Epoch == epoch {
			return i
		}
	}
	return -1
}
