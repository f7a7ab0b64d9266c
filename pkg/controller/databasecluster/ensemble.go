// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// An ensemble keeps the consensus of the members (engine.Ensemble). Its servers are members like others to almost all
// of this package; what is particular is that the shards need it, and so it changes before them and stops after them.

// ensemble is the cluster's ensemble; nil when it has none. One that was there once is kept: the members go on to look
// there for what they agreed on, however few they have become.
func (s Snapshot) ensemble() *engine.Ensemble {
	e := s.topology().Ensemble
	if e == nil || e.Needed || slices.ContainsFunc(s.Members, func(m Member) bool { return m.Component == e.Component }) {
		return e
	}
	return nil
}

// wantedEnsemble are the members that the ensemble should have, by ordinal.
func wantedEnsemble(s Snapshot) []resource.Place {
	e := s.ensemble()
	if e == nil {
		return nil
	}
	wanted := make([]resource.Place, e.Members)
	for ordinal := range wanted {
		wanted[ordinal] = resource.Place{Component: e.Component, Ordinal: ordinal}
	}
	return wanted
}

// ensembleShared are the objects that the members of the ensemble share.
func (d *Decision) ensembleShared(s Snapshot) (wanted []runtime.ApplyConfiguration) {
	e := s.ensemble()
	if e == nil {
		return nil
	}
	wanted = append(wanted, resource.EnsembleNetworkPolicy(s.Cluster, *e))
	if e.Members > 1 {
		return append(wanted, resource.EnsembleBudget(s.Cluster, *e))
	}
	d.unwant(s, Ref{"PodDisruptionBudget", resource.EnsembleName(s.Cluster.Name, e.Component)}, singleMember)
	return wanted
}

// ensembleMargin is how many of the ensemble may be lost before it has no quorum. known is false while a pod of it that
// is there has yet to say something.
func (d *Decision) ensembleMargin(s Snapshot, e *engine.Ensemble) (margin int, known bool) {
	level := 0
	for _, name := range d.Wanted {
		m := s.Member(name)
		if m.Component == "" {
			continue
		}
		if m.Pod != nil && m.Report.Incarnation == "" {
			return 0, false
		}
		if m.Report.Role != v1alpha1.RoleUnknown && m.Report.CaughtUp {
			level++
		}
	}
	return level - e.Quorum(), true
}

// noEnsembleMargin tells that the loss of one more member of the ensemble would stop writes. An ensemble of one never
// had a margin.
func noEnsembleMargin(s Snapshot, d Decision) (trouble, bool) {
	e := s.ensemble()
	if e == nil || e.Members == 1 || stopped(s) {
		return trouble{}, false
	}
	margin, known := d.ensembleMargin(s, e)
	if !known || margin > 0 {
		return trouble{}, false
	}
	return trouble{v1alpha1.ReasonNoQuorumMargin, fmt.Sprintf(
		"ensemble %s: the loss of one more of its members would stop writes", e.Component)}, true
}
