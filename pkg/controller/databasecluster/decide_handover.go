// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// wantHandover finds out whether the primary should hand over, and whose engine may restart. The first reason counts;
// its ID stays the same for as long as the wish does, so that a primary that could not hand over says so once, and is
// asked again only when other replicas are there to take over.
func (d *Decision) wantHandover(s Snapshot) {
	d.Restart = d.turnToRestart(s)
	primary, ok := s.Primary()
	if !ok || stopped(s) {
		return
	}
	ask := func(id, target string) {
		d.Handover = &engine.Switchover{ID: id, From: primary.Name, Target: target}
	}
	candidates := d.candidates(s)
	id := func(reason string) string { return fmt.Sprintf("%s-%d-%v", reason, s.Cluster.Generation, candidates) }
	switch op := s.Operation; {
	case op != nil && op.Spec.Type == v1alpha1.OperationSwitchover:
		if !op.Switched(primary.Name, promoted(primary)) {
			ask(string(op.UID), op.SwitchoverTarget())
		}
	case len(candidates) == 0:
	case slices.Contains(s.Cluster.Spec.FencedMembers, primary.Name):
		ask(id("fence"), candidates[0])
	case primary.Ordinal >= int(s.Cluster.Spec.Members):
		ask(id("scale-in"), candidates[0])
	case d.primaryIsLast(s, primary):
		ask(id("rollout"), candidates[0])
	}
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

// primaryIsLast says that a rolling change has reached the primary: everybody else is ready and up to date, and the
// primary may not simply restart.
func (d *Decision) primaryIsLast(s Snapshot, primary Member) bool {
	if d.restartsInPlace(s) || notReady(s, d.Wanted) != "" || d.Restart != "" {
		return false
	}
	if len(d.Outdated) > 0 {
		return len(d.Outdated) == 1 && d.Outdated[0].Name == primary.Name
	}
	return len(primary.Report.PendingRestart) > 0
}

// promoted is when a primary became it, zero when it was promoted by nobody's leave.
func promoted(primary Member) metav1.Time {
	if p := primary.Report.Promotion; p != nil {
		return p.Time
	}
	return metav1.Time{}
}
