// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// findOutdated finds the members whose pod must be made anew, and why. Nothing is replaced for an agent: a pod keeps
// the one it was born with, so that an upgrade of the operator restarts no database.
func (d *Decision) findOutdated(s Snapshot) {
	account, exists := s.Objects[Ref{"ServiceAccount", resource.ServiceAccountName(s.Cluster.Name)}]
	for _, name := range d.Wanted {
		m := s.Member(name)
		if m.Pod == nil || ownerOf(m.Pod, s.Cluster) != ours {
			continue
		}
		why := ""
		switch {
		case m.Pod.Annotations[v1alpha1.AnnotationPodHash] != d.pod(s, name).Annotations[v1alpha1.AnnotationPodHash]:
			why = "its pod differs from the spec"
		case exists && m.Pod.CreationTimestamp.Time.Before(account.GetCreationTimestamp().Time):
			// A token is of one ServiceAccount and not of its name: the agent can reach the API server no more.
			why = "its token is of a ServiceAccount that was deleted"
		case s.Operation != nil && s.Operation.Restarts(name) && !s.Operation.Restarted(m.Pod):
			why = "a DatabaseOperation asks for it"
		}
		if why != "" {
			d.Outdated = append(d.Outdated, Outdated{name, why})
		}
		if agentImage(m.Pod) != s.Agent.Image {
			d.OutdatedAgents = append(d.OutdatedAgents, name)
		}
	}
}

// inTurn are wanted members in the order in which they go: the ensemble first, its leader after its followers, then the
// shards, the last member of the last one first.
func inTurn(s Snapshot, wanted []string) []string {
	followers, leaders, members := []string{}, []string{}, []string{}
	for _, name := range slices.Backward(wanted) {
		switch m := s.Member(name); {
		case m.Component == "":
			members = append(members, name)
		case s.leads(m):
			leaders = append(leaders, name)
		default:
			followers = append(followers, name)
		}
	}
	return slices.Concat(followers, leaders, members)
}

// outdatedInTurn are the outdated members in the order in which they go.
func (d *Decision) outdatedInTurn(s Snapshot) []Outdated {
	var turns []Outdated
	for _, name := range inTurn(s, d.Wanted) {
		for _, o := range d.Outdated {
			if o.Name == name {
				turns = append(turns, o)
			}
		}
	}
	return turns
}

// away are the members that must be back before one that serves may go; "" for none. Without a primary there is nobody
// who has everything, so that being ready does not do: they must be level too.
func (d *Decision) away(s Snapshot) string {
	if !s.leaderless() {
		return notReady(s, d.Wanted)
	}
	return strings.Join(slices.DeleteFunc(slices.Clone(d.Wanted), func(name string) bool {
		m := s.Member(name)
		return isReady(m) && m.Report.CaughtUp
	}), ", ")
}

// outdated is the member whose pod is made anew next: one that does not serve anyway, then the replicas, the last one
// first, then the primaries, if they may restart in place; else each is a replica by the time it goes. While another
// member is not ready nobody who serves goes, in no shard, so that a change that breaks a member stops with it, and
// goes on when the spec is changed back; nor while a shard has no primary.
func (d *Decision) outdated(s Snapshot) (next Member, why string, ok bool) {
	away, calm := d.away(s), d.led(s) && !d.handsOver(s)
	var inPlace *Outdated
	for _, o := range d.outdatedInTurn(s) {
		m := s.Member(o.Name)
		switch {
		case s.isPrimary(m):
			// A primary that does not serve is no reason to wait for it: what keeps it down may be just what is outdated.
			if d.restartsInPlace(s, m.Shard) && (away == "" || away == m.Name) && inPlace == nil {
				inPlace = &o
			}
		case !isMissed(s, m, away):
			return m, o.Why, true
		case calm && away == "" && !ok:
			next, why, ok = m, o.Why, true
		}
	}
	if !ok && calm && inPlace != nil {
		return s.Member(inPlace.Name), inPlace.Why, true
	}
	return next, why, ok
}

// restartsInPlace says that a shard's primary goes without a switchover.
func (d *Decision) restartsInPlace(s Snapshot, shard int) bool {
	return len(d.wantedIn(s, shard)) == 1 || s.Cluster.Spec.UpdatePolicy.Primary == v1alpha1.PrimaryUpdateRestart
}

// turnToRestart is the member whose engine restarts now for the parameters that wait for it: replicas first, since a
// replica must not have some of them lower than its primary, then the primaries, each of which hands over before. A
// parameter that is lowered goes the other way round. A member keeps its turn until nothing waits there any more.
func (d *Decision) turnToRestart(s Snapshot) string {
	if !d.led(s) || len(d.Outdated) > 0 {
		return "" // a new pod takes the parameters over
	}
	others, primaries := d.away(s), d.primaries(s)
	pending := func(m Member) bool { return m.Pod != nil && len(m.Report.PendingRestart) > 0 }
	turn := func(may func(Member) bool) string {
		for _, m := range primaries {
			if others == "" && pending(m) && may(m) {
				return m.Name
			}
		}
		return ""
	}
	if lowered := turn(func(m Member) bool { return m.Report.RestartInPlace }); lowered != "" {
		return lowered
	}
	for _, name := range inTurn(s, d.Wanted) {
		m := s.Member(name)
		if !s.isPrimary(m) && pending(m) && (others == "" || others == m.Name) {
			return m.Name
		}
	}
	return turn(func(m Member) bool { return d.restartsInPlace(s, m.Shard) })
}
