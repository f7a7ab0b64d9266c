// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package runbook

import "github.com/atlasdb/atlasdb/pkg/engine"

// StepKind is one thing that an agent can do.
type StepKind string

// The steps, from the most careful to the most daring.
const (
	// StepWait does nothing; an event or the next tick will bring something new.
	StepWait StepKind = "Wait"
	// StepDemote makes a running primary a replica of nobody, that has all it ever acknowledged.
	StepDemote StepKind = "Demote"
	// StepQuiesce takes a running server out of the Services, before it stops: statements that are under way come to
	// their end (Server.Quiet).
	StepQuiesce StepKind = "Quiesce"
	// StepStopServer stops the engine cleanly.
	StepStopServer StepKind = "StopServer"
	// StepExit ends the agent; the engine is down.
	StepExit StepKind = "Exit"
	// StepInitialise makes new data.
	StepInitialise StepKind = "Initialise"
	// StepClone copies the data of Step.Primary; what was there before is gone.
	StepClone StepKind = "Clone"
	// StepRewind takes back what this member wrote and Step.Primary never had.
	StepRewind StepKind = "Rewind"
	// StepStartPrimary starts the engine on its data as primary.
	StepStartPrimary StepKind = "StartPrimary"
	// StepStartReplica starts the engine as a replica of Step.Primary; of nobody when that is "".
	StepStartReplica StepKind = "StartReplica"
	// StepFollow makes a running replica receive from Step.Primary; from nobody when that is "".
	StepFollow StepKind = "Follow"
	// StepPromote makes a running replica primary.
	StepPromote StepKind = "Promote"
	// StepHandOver lets Step.Primary be primary in this member's place, or whoever can when that is "". Only an engine
	// that elects by itself has it: else the election asks a primary to resign.
	StepHandOver StepKind = "HandOver"
	// StepEnforce makes writes wait for the standing's quorum.
	StepEnforce StepKind = "Enforce"
	// StepTend keeps a running engine as the plan says: settings, logins, databases, slots.
	StepTend StepKind = "Tend"
)

// Step is what a pass of an agent does.
type Step struct {
	// Kind is the thing to do.
	Kind StepKind
	// Primary is the member to copy from or to follow.
	Primary string
	// Request is why this member hands over: one that could not be carried out is not tried again (Observation.Declined).
	Request string
	// Reason is why, for the log.
	Reason string
	// Problem is what the member reports; nil when nothing keeps it from its part.
	Problem *engine.Problem
}

// Long says that a step takes long, so that the agent goes on with probes, watches and reports meanwhile.
func (k StepKind) Long() bool { return k == StepInitialise || k == StepClone || k == StepRewind }

// Task is a step with all that a driver needs to carry it out.
type Task struct {
	Step
	// Plan, Standing and Observation are those that the step was decided on.
	Plan        engine.Plan
	Standing    engine.Standing
	Observation Observation
	// Source is Step.Primary, to receive from; the zero Source is nobody.
	Source Source
}

// Source is a member to receive from.
type Source struct {
	// Member and Host name it, as in its certificate; Address is its IP address, which needs no DNS.
	Member, Host, Address string
	// Lineage is where its data comes from.
	Lineage engine.Lineage
	// Engine is what its engine tells others (PrimaryState.Engine).
	Engine []byte
}

// Tended is what a Tend found.
type Tended struct {
	// Pending are the parameters that wait for a restart.
	Pending []string
	// More says that there is more to do at once.
	More bool
	// RestartInPlace says that one of them can only be changed on the primary, where it is.
	RestartInPlace bool
}

// Rule looks at one thing. It gives a step, or ok false when the next rule is to be asked.
type Rule func(o Observation) (step Step, ok bool)

// Converge decides what a member does next: the first rule that has a step wins.
func Converge(rules []Rule, o Observation) Step {
	for _, r := range rules {
		if step, ok := r(o); ok {
			return step
		}
	}
	return Step{Kind: StepWait, Reason: "nothing is to be done"}
}
