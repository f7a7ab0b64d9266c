// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// wantHandover finds out whether a primary should hand over, and whose engine may restart: one of the two at a time.
// A primary that has said that it cannot keeps those of other shards from nothing.
func (d *Decision) wantHandover(s Snapshot) {
	d.Restart = d.turnToRestart(s)
	for _, primary := range d.primaries(s) {
		if wish := d.handover(s, primary); wish != nil && !stopped(s) && !d.handsOver(s) {
			d.Handover = wish
		}
	}
	if d.handsOver(s) {
		d.Restart = ""
	}
}

// handover is why and to whom a primary should hand over; nil when it should not. The first reason counts. Its ID
// stays the same for as long as the wish does, so that a primary that could not hand over says so once, and is asked
// again only when other replicas are there to take over. What is not urgent waits until nobody is away.
func (d *Decision) handover(s Snapshot, primary Member) *engine.Switchover {
	if op := s.Operation; isAsked(s, primary) {
		return &engine.Switchover{ID: string(op.UID), From: primary.Name, Target: op.SwitchoverTarget()}
	}
	candidates, away := d.candidates(s, primary.Shard), notReady(s, d.Wanted)
	var reason string
	switch {
	case len(candidates) == 0:
		return nil
	case slices.Contains(s.Cluster.Spec.FencedMembers, primary.Name):
		reason = "fence"
	case away == "" && primary.Ordinal >= int(s.Cluster.Spec.Members):
		reason = "scale-in"
	case away == "" && d.primaryIsLast(s, primary):
		reason = "rollout"
	default:
		return nil
	}
	id := fmt.Sprintf("%s-%d-%s", reason, s.Cluster.Generation, strings.Join(candidates, "-"))
	return &engine.Switchover{ID: id, From: primary.Name, Target: candidates[0]}
}

// isAsked says that a DatabaseOperation asks a primary to hand over: the one of the target's shard.
func isAsked(s Snapshot, primary Member) bool {
	op := s.Operation
	if op == nil || op.Spec.Type != v1alpha1.OperationSwitchover || op.Switched(primary.Name) {
		return false
	}
	target := op.SwitchoverTarget()
	return target == "" || placeOf(s, target).Shard == primary.Shard
}

// handsOver says that a primary is about to hand over: it is asked to, and has not said that it cannot.
func (d *Decision) handsOver(s Snapshot) bool {
	if d.Handover == nil {
		return false
	}
	refused := s.Member(d.Handover.From).Report.Switchover
	return refused == nil || refused.ID != d.Handover.ID
}

// candidates are the replicas of a shard that stay and could take over now, by ordinal.
func (d *Decision) candidates(s Snapshot, shard int) []string {
	var names []string
	listed := electorate(s, shard)
	for _, name := range d.wantedIn(s, shard) {
		m := s.Member(name)
		if !s.isPrimary(m) && m.Ordinal < int(s.Cluster.Spec.Members) && isReady(m) && m.Report.CaughtUp &&
			!slices.Contains(s.Cluster.Spec.FencedMembers, m.Name) && (listed == nil || slices.Contains(listed, name)) {
			names = append(names, m.Name)
		}
	}
	return names
}

// primaryIsLast says that a rolling change has reached a shard's primary: everybody else there is up to date, and the
// primary may not simply restart.
func (d *Decision) primaryIsLast(s Snapshot, primary Member) bool {
	if d.restartsInPlace(s, primary.Shard) || d.Restart != "" {
		return false
	}
	if len(d.Outdated) > 0 {
		others := slices.ContainsFunc(d.Outdated, func(o Outdated) bool {
			return o.Name != primary.Name && placeOf(s, o.Name).Shard == primary.Shard
		})
		return !others && slices.ContainsFunc(d.Outdated, func(o Outdated) bool { return o.Name == primary.Name })
	}
	return len(primary.Report.PendingRestart) > 0
}
