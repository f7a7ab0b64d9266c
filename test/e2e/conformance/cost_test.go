// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// budget is what a creation may cost the operator, object by object. One write more fails the test, on purpose: every
// write is paid by every cluster of every user. For one member that makes 18, for three 31, and 45 for three shards of
// two.
func (e *engine) budget(members int32) map[string]int {
	shards := max(1, int(e.shards))
	all := shards * int(members)
	replicas, replicated := all-shards, min(1, int(members)-1)
	keepers := replicated * int(e.keepers.members)
	ensembles := min(1, keepers)
	return map[string]int{
		"create serviceaccounts": 1, "create roles": 1, "create rolebindings": 1,
		"create secrets":                4,              // authority, certificates, login, plan
		"create services":               2 + replicated, // headless, rw; ro
		"create networkpolicies":        1 + ensembles,
		"create leases":                 count(e.has(lease)),
		"create poddisruptionbudgets":   shards*replicated + ensembles,
		"create persistentvolumeclaims": all + keepers,
		"create pods":                   all + keepers,
		"patch secrets":                 1, // the plan, once the data is born
		"create events":                 1, // Ready
		// At most: accepted; of each shard primary, primary ready; for each replica following, level, ready; durable. What
		// members say within a moment of each other shares one, so that 7 or 8 are usual for three.
		// Of an ensemble each is like a replica. Where there is no primary, the first member tells whose data it has before
		// it serves, since all others wait to hear that.
		"update databaseclusters": 1 + 2*shards + 3*(replicas+keepers) + replicated + count(!e.has(primary)),
	}
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// agentBudget is what one member may write from its birth to Ready: a patch for each change of its report. leaseBudget
// is what all members together may write to the Lease beside its renewals: taken, and the quorum and lineage recorded;
// and for each replica that is not level after 10 s, that writes do not count on it, and that they do again.
const (
	agentBudget = 6
	leaseBudget = 4 + 2*2
)

// lateness is how long what comes late counts too.
const lateness = 3 * time.Second

func keepsWriteBudget(d *database) { d.keepsBudget(d.engine.members) }

// keepsBudget counts what was written for a database since its namespace was made.
func (d *database) keepsBudget(members int32) {
	d.Helper()
	time.Sleep(lateness)
	byOperator, byMember, leases := map[string]int{}, map[string]int{}, 0
	for _, r := range d.RequestsSince(d.Began, func(r frame.Request) bool {
		return r.ObjectRef.Namespace == d.NS && r.IsWrite()
	}) {
		switch pod := r.Member(d.NS); {
		case r.ByOperator():
			byOperator[r.Verb+" "+r.ObjectRef.Resource]++
		case pod == "":
		case r.ObjectRef.Resource == "leases":
			leases++
		default:
			byMember[pod]++
		}
	}
	d.judgeOperator(members, byOperator)
	d.judgeMembers(members, byMember, leases)
}

func (d *database) judgeOperator(members int32, spent map[string]int) {
	d.Helper()
	sum, total, budget := 0, 0, d.engine.budget(members)
	for _, n := range budget {
		total += n
	}
	for what, n := range spent {
		sum += n
		if allowed := budget[what]; n > allowed {
			d.Errorf("%s: %d writes, budgeted are %d", what, n, allowed)
		}
	}
	d.Step("the operator wrote %d times: %v", sum, spent)
	if sum == 0 || sum > total {
		d.Errorf("%d writes by the operator, want some and at most %d", sum, total)
	}
}

func (d *database) judgeMembers(members int32, spent map[string]int, leases int) {
	d.Helper()
	d.Step("the agents wrote: %v, and the Lease %d times", spent, leases)
	if !d.engine.has(lease) && leases > 0 {
		d.Errorf("a Lease was written %d times, and there should be none", leases)
	}
	renewals := int(time.Since(d.Began)/(3*time.Second)) * int(members/3)
	if leases > leaseBudget+renewals {
		d.Errorf("the Lease was written %d times, want at most %d and %d renewals", leases, leaseBudget, renewals)
	}
	for _, pod := range slices.Sorted(maps.Keys(spent)) {
		if n := spent[pod]; n > agentBudget {
			d.Errorf("%s wrote %d times, want at most %d", pod, n, agentBudget)
		}
	}
}

// watched is how long silence is listened to.
const watched = 10 * time.Second

// isSilent: with nothing to do the operator writes nothing and reads nothing, even when it looks at every cluster anew,
// and the members write nothing but the Lease.
func isSilent(d *database) {
	time.Sleep(lateness)
	began := time.Now()
	d.Resync(d.engine.kind)
	time.Sleep(watched)
	var broken []string
	renewals := 0
	for _, r := range d.RequestsSince(began, func(r frame.Request) bool { return r.ObjectRef.Namespace == d.NS }) {
		switch member := r.Member(d.NS); {
		case member != "" && r.ObjectRef.Resource == "leases":
			renewals++
		case member != "" && r.IsWrite(), r.ByOperator() && r.Verb != "watch":
			broken = append(broken, r.String())
		}
	}
	d.Step("at rest for %s, with a resync: %d requests, and the Lease was asked for %d times", watched, len(broken),
		renewals)
	if len(broken) > 0 {
		d.Errorf("it was not silent:\n%s", strings.Join(broken, "\n"))
	}
}
