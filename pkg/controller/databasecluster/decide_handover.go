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

// wantHandover finds out whether the primary should hand over, and whose engine may restart: one of the two at a time.
func (d *Decision) wantHandover(s Snapshot) {
	d.Restart = d.turnToRestart(s)
	if primary, ok := s.Primary(); ok && !stopped(s) {
		d.Handover = d.handover(s, primary)
	}
	if d.handsOver(s) {
		d.Restart = ""
	}
}

// handover is why and to whom the primary should hand over; nil when it should not. The first reason counts. Its ID
// stays the same for as long as the wish does, so that a primary that could not hand over says so once, and is asked
// again only when other replicas are there to take over. What is not urgent waits until nobody is away.
func (d *Decision) handover(s Snapshot, primary Member) *engine.Switchover {
	op := s.Operation
	if op != nil && op.Spec.Type == v1alpha1.OperationSwitchover && !op.Switched(primary.Name) {
		return &engine.Switchover{ID: string(op.UID), From: primary.Name, Target: op.SwitchoverTarget()}
	}
	candidates, away := d.candidates(s), notReady(s, d.Wanted)
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

// handsOver says that the primary is about to hand over: it is asked to, and has not said that it cannot.
func (d *Decision) handsOver(s Snapshot) bool {
	if d.Handover == nil {
		return false
	}
	primary, _ := s.Primary()
	refused := primary.Report.Switchover
	return refused == nil || refused.ID != d.Handover.ID
}

// candidates are the replicas that stay and could take over now, by ordinal.
func (d *Decision) candidates(s Snapshot) []string {
	primary, _ := s.Primary()
	var names []string
	for _, name := range d.Wanted {
		m := s.Member(name)
		if m.Name != primary.Name && m.Ordinal < int(s.Cluster.Spec.Members) && isReady(m) && m.Report.CaughtUp &&
			!slices.Contains(s.Cluster.Spec.FencedMembers, m.Name) {
			names = append(names, m.Name)
		}
	}
	return names
}

// primaryIsLast says that a rolling change has reached the primary: everybody else is up to date, and the primary may
// not simply restart.
func (d *Decision) primaryIsLast(s Snapshot, primary Member) bool {
	if d.restartsInPlace(s) || d.Restart != "" {
		return false
	}
	if len(d.Outdated) > 0 {
		return len(d.Outdated) == 1 && d.Outdated[0].Name == primary.Name
	}
	return len(primary.Report.PendingRestart) > 0
}
