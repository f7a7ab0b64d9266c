// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Decision is what a pass will do, and what it found on the way. It is a value; act.go carries it out.
type Decision struct {
	// Generate are the Secrets to make, or to make anew, that need randomness, which a pure function has not.
	Generate []Generation
	// Writes are the objects to make or to change, in order.
	Writes []Write
	// Deletes are the objects to take away, after the writes. At most one of them is a pod.
	Deletes []Deletion
	// RequeueAfter asks for another pass when only time will tell; zero when events will.
	RequeueAfter time.Duration

	// Verdict is what was found of the spec.
	Verdict Verdict
	// Build and Image are the engine's build for new members, EnsembleImage is the image for those of an ensemble; empty
	// when the verdict is not good.
	Build, Image, EnsembleImage string
	// Available is a newer build that the spec could name, or "".
	Available string
	// Wanted are the members that should exist, by name.
	Wanted []string
	// Obstacles are objects that are in the way.
	Obstacles []Obstacle
	// Troubles are what else is wrong.
	Troubles []trouble
	// Outdated are members whose pod must be made anew.
	Outdated []Outdated
	// Handover asks the primary to hand over; nil when nothing does. Restart is the member whose turn it is to restart its
	// engine, "" for nobody.
	Handover *engine.Switchover
	Restart  string
	// OutdatedAgents are members whose agent is of another image than a new one's.
	OutdatedAgents []string
}

// Write is one object to make or to change.
type Write struct {
	// Wanted is the object.
	Wanted runtime.ApplyConfiguration
	// Seen is the object as it was compared; nil when there is none.
	Seen metav1.Object
	// Why is the first field that differs; "" when there is no object.
	Why string
	// Retry is when to try again what the API server refuses; zero is soon.
	Retry time.Duration
}

// Deletion is one object to take away.
type Deletion struct {
	// Kind is one of apply.Kinds.
	Kind string
	// Seen is the object; it is deleted only if it has not changed since.
	Seen metav1.Object
	// Why says what for, for the log.
	Why string
}

// Outdated is a member whose pod must be made anew.
type Outdated struct {
	// Name is the member, Why the reason, for people.
	Name, Why string
}

// Verdict is what was found of the spec: a reason of the condition Accepted, and its message.
type Verdict struct {
	Reason  string
	Message string
}

// Good says whether the spec can be carried out.
func (v Verdict) Good() bool { return v.Reason == v1alpha1.ReasonAccepted }

// Obstacle is an object that is in the way.
type Obstacle struct {
	// Ref names it.
	Ref Ref
	// Reason is NameConflict or WaitingForDeletion.
	Reason string
}

// Decide turns a snapshot into a decision. It is pure: the same snapshot gives the same decision, and an empty one when
// everything is as the spec says.
func Decide(s Snapshot) (Decision, error) {
	d := &Decision{Wanted: wantedMembers(s)}
	d.judge(s)
	if s.Cluster.Spec.Reconciliation == v1alpha1.ReconciliationPaused {
		return *d, nil
	}
	if !d.Verdict.Good() {
		// A spec that cannot be carried out changes nothing, not even in part. What runs goes on as it is.
		err := d.keepCertificates(s)
		return *d, err
	}
	d.findOutdated(s)
	d.wantHandover(s)
	for _, step := range []func(*Decision, Snapshot) error{
		(*Decision).wantShared,
		(*Decision).wantPlan,
		(*Decision).wantMembers,
	} {
		if err := step(d, s); err != nil {
			return Decision{}, err
		}
	}
	if d.Verdict.Good() {
		d.takeOneAway(s)
	}
	return *d, nil
}

// want asks for an object to be as wanted: made when it is not there, changed where it differs, left alone when it is
// somebody else's.
func (d *Decision) want(s Snapshot, wanted runtime.ApplyConfiguration) error {
	ref := Ref{apply.Kind(wanted), apply.Name(wanted)}
	seen, exists := s.Objects[ref]
	if !exists {
		d.Writes = append(d.Writes, Write{Wanted: wanted})
		return nil
	}
	if d.blocked(s, ref, seen) {
		return nil
	}
	why, err := apply.Difference(wanted, seen)
	if err != nil {
		return fmt.Errorf("comparing %s %q: %w", ref.Kind, ref.Name, err)
	}
	if why != "" {
		d.Writes = append(d.Writes, Write{Wanted: wanted, Seen: seen, Why: why})
	}
	return nil
}

// blocked says whether an object that is there is not ours to write, and notes that it is in the way.
func (d *Decision) blocked(s Snapshot, ref Ref, seen metav1.Object) bool {
	switch ownerOf(seen, s.Cluster) {
	case foreign:
		d.Obstacles = append(d.Obstacles, Obstacle{ref, v1alpha1.ReasonNameConflict})
	case leaving:
		d.Obstacles = append(d.Obstacles, Obstacle{ref, v1alpha1.ReasonWaitingForDeletion})
	case ours, adoptable:
		return false
	}
	return true
}

// unwant asks for an object of ours to be gone.
func (d *Decision) unwant(s Snapshot, ref Ref, why string) {
	if seen, exists := s.Objects[ref]; exists && ownerOf(seen, s.Cluster) == ours {
		d.Deletes = append(d.Deletes, Deletion{Kind: ref.Kind, Seen: seen, Why: why})
	}
}
