// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import (
	"slices"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// These rules are for engines that find out by themselves who may write: a server starts as what its volume says, and
// there is no standing to wait for.

// Quiesce takes a server that is about to stop out of the Services first, and lets what runs on it come to its end.
func Quiesce(o Observation) (Step, bool) {
	reason := leaving(o)
	if reason == "" || !o.Server.Accepting || o.Server.Quiet {
		return Step{}, false
	}
	return Step{Kind: StepQuiesce, Reason: reason}, true
}

// leaving is why a server is about to stop; "" when it is not.
func leaving(o Observation) string {
	switch {
	case o.Stopping:
		return "the pod is ending"
	case slices.Contains(o.Plan.FencedMembers, o.Member):
		return "the member is fenced"
	case o.Plan.RestartMember == o.Member && len(o.Pending) > 0:
		return "parameters wait for a restart"
	}
	return ""
}

// StayDownWhenFenced stops a member that somebody wants to look at. A cluster that is to stop goes on until its pods
// go, in the order that the operator has for it: primaries last, since they have all that was written then.
func StayDownWhenFenced(o Observation) (Step, bool) {
	if !slices.Contains(o.Plan.FencedMembers, o.Member) {
		return Step{}, false
	}
	if o.Server.Running {
		return Step{Kind: StepStopServer, Reason: "the member is fenced"}, true
	}
	return Step{Kind: StepWait, Reason: "the member is fenced"}, true
}

// WaitForAPlan leaves a member down that the plan does not have: nobody could say who the others are.
func WaitForAPlan(o Observation) (Step, bool) {
	_, planned := o.Plan.Member(o.Member)
	return Step{Kind: StepWait, Reason: "the plan does not have this member"}, !planned && !o.Server.Running
}

// NeverBeginAgain tells of a cluster that has data by its plan, and whose one server has none: to begin anew would hide
// that it is gone, and to wait for others would be for ever. Where there are others, an empty member is a new one, or
// gets from them what it lost.
func NeverBeginAgain(o Observation) (Step, bool) {
	servers := 0
	for _, m := range o.Plan.Members {
		if m.Component == "" {
			servers++
		}
	}
	if o.Volume.HasData || o.Plan.SystemID == "" || servers > 1 {
		return Step{}, false
	}
	return Step{Kind: StepWait, Reason: "the data is gone", Problem: &engine.Problem{
		Reason: v1alpha1.ReasonDataMissing, Message: "this is the only member, and its volume has no data",
	}}, true
}

// StartAsItWas starts the server; its own volume says what it is.
func StartAsItWas(o Observation) (Step, bool) {
	return Step{Kind: StepStartReplica, Reason: "as what it was"}, !o.Server.Running
}

// WaitForTheServer leaves a server alone that does not take connections yet.
func WaitForTheServer(o Observation) (Step, bool) {
	return Step{Kind: StepWait, Reason: "the server is starting"}, !o.Server.Accepting
}

// beforeTheEnd is the request of a pod that ends, afterTheEnd that of a primary whose server died.
const (
	beforeTheEnd = "the pod is ending"
	afterTheEnd  = "the server died"
)

// HandOver lets a replica of the shard be primary: because the plan asks for it, or because this one's pod ends. Each
// request is tried once; a pod that ends must not wait for a replica that cannot. No replica of a primary that has
// nothing can be elected, but such a primary will have something soon, and the plan's request waits for that; as both
// wait until the others would vote again: to ask before only keeps clients from writing.
func HandOver(o Observation) (Step, bool) {
	if !o.Server.Accepting || o.Server.InRecovery || o.Server.Empty {
		return Step{}, false
	}
	s := o.Plan.Switchover
	switch {
	case o.Server.Settling && o.Stopping && len(o.Server.Attached) > 0:
		return Step{Kind: StepWait, Reason: "nobody may be elected in its place yet"}, true
	case o.Server.Settling:
		return Step{}, false
	case s != nil && s.From == o.Member && s.ID != o.Declined && !o.Stopping:
		return Step{Kind: StepHandOver, Primary: s.Target, Request: s.ID, Reason: "the plan asks for it"}, true
	case o.Stopping && len(o.Server.Attached) > 0 && o.Declined != beforeTheEnd:
		return Step{Kind: StepHandOver, Request: beforeTheEnd, Reason: beforeTheEnd}, true
	}
	return Step{}, false
}

// PrepareOnce makes a place for the data. A server that starts there belongs to no cluster, and to no other for ever.
func PrepareOnce(o Observation) (Step, bool) {
	return Step{Kind: StepInitialise, Reason: "the volume is empty"}, !o.Volume.HasData && !o.Volume.Broken
}

// Bequeath has a replica stand for election when its primary has died. Its agent knows that at once; the others would
// need a timeout to notice.
func Bequeath(o Observation) (Step, bool) {
	return Step{
		Kind: StepHandOver, Primary: o.Volume.Heir, Request: afterTheEnd, Reason: afterTheEnd,
	}, o.Volume.Resting && !o.Server.Running && o.Volume.Heir != ""
}

// TendTheServer keeps a server that runs as the plan says, and does what it has to do for its cluster.
func TendTheServer(Observation) (Step, bool) {
	return Step{Kind: StepTend, Reason: "member of a cluster"}, true
}
