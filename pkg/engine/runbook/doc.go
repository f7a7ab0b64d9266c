// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package runbook is what a member does next, rule by rule: the pure half of the agent's loop. An agent observes, asks
// the rules of its engine in order, takes the first step that one of them has, and observes again.
//
// The parts that the election gives (engine.Standing) mean the same for every engine whose primary holds a Lease:
// receive from nobody, follow, lead, resign. So most rules are here, in rules.go, and an engine lists them between its
// own, which know how its data goes from one history to another. The order is the engine's, since it is the runbook
// that an operator of that engine would follow by hand; what keeps data safe comes first in each.
//
// Nothing here has a clock, a client or a server: an Observation is a value that a test can write by hand, and the same
// observation always gives the same step.
//
// Read observation.go, step.go and rules.go, then pkg/engine/postgresql/converge.go for a whole list.
package runbook
