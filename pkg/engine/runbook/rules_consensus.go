// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import "slices"

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

// StartAsItWas starts the server; its own volume says what it is.
func StartAsItWas(o Observation) (Step, bool) {
	return Step{Kind: StepStartReplica, Reason: "as what it was"}, !o.Server.Running
}

// WaitForTheServer leaves a server alone that does not take connections yet.
func WaitForTheServer(o Observation) (Step, bool) {
	return Step{Kind: StepWait, Reason: "the server is starting"}, !o.Server.Accepting
}
