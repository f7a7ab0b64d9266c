// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine is the pure core that operator and agents share: what an engine must provide (engine.go) and how its
// members work together (topology.go), what the operator tells the agents (plan.go) and what an agent tells the
// operator (report.go).
//
// Nothing here has a clock, a client, a logger or a context. A function of this package and of the packages below it
// gives the same answer for the same input, so every decision about a database can be tested without one. A linter
// holds the rule (depguard in .golangci.yaml); a file that cannot obey it belongs to pkg/agent or pkg/controller.
//
// Operator and agents never call each other. The operator writes a Plan into one Secret; an agent writes a
// MemberReport into one annotation of its own pod. Both compare what is with what should be, do one thing and look
// again.
//
// Read plan.go next, then runbook/doc.go for what members do, and postgresql/doc.go for the first engine.
package engine
