// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantPlan asks for the plan that all agents read. It waits for the login, whose verifier it carries.
func (d *Decision) wantPlan(s Snapshot) error {
	logins := users(s)
	if logins == nil {
		return nil
	}
	plan := d.plan(s, logins)
	encoded, _, err := engine.EncodePlan(plan)
	if err != nil {
		return err
	}
	if len(encoded) > engine.MaxPlanBytes {
		d.Verdict = Verdict{v1alpha1.ReasonPlanTooLarge, fmt.Sprintf(
			"spec.parameters: the members' configuration has %d bytes, allowed are %d", len(encoded),
			engine.MaxPlanBytes)}
		return nil
	}
	return d.want(s, resource.PlanSecret(s.Cluster, encoded))
}

// plan says what the agents are told.
func (d *Decision) plan(s Snapshot, logins []engine.PlanUser) engine.Plan {
	spec := &s.Cluster.Spec
	plan := engine.Plan{
		Protocol:        engine.Protocol,
		ClusterUID:      string(s.Cluster.UID),
		Generation:      s.Cluster.Generation,
		Namespace:       s.Cluster.Namespace,
		Cluster:         s.Cluster.Name,
		Engine:          spec.Engine,
		Build:           d.Build,
		SystemID:        systemID(s),
		Initialiser:     initialiser(s),
		RetainedMembers: retainedMembers(s),
		Durability:      spec.Durability,
		PowerState:      spec.PowerState,
		FencedMembers:   spec.FencedMembers,
		Switchover:      d.Handover,
		RestartMember:   d.Restart,
		Files:           s.Engine.Configure(spec, d.Build),
		Users:           logins,
		Databases:       databases(s),
		Locale:          s.Engine.Locale(spec),
	}
	if op := s.Operation; op != nil {
		switch op.Spec.Type {
		case v1alpha1.OperationRebuildMember:
			plan.Rebuild = &engine.Rebuild{ID: string(op.UID), Member: op.Spec.RebuildMember.Member}
		case v1alpha1.OperationPromoteAcceptingDataLoss:
			plan.AcceptDataLoss = string(op.UID)
		case v1alpha1.OperationSwitchover, v1alpha1.OperationRestart:
		}
	}
	d.planMembers(s, &plan)
	return plan
}

// planMembers says who the members are, and over how many shards the data is spread.
func (d *Decision) planMembers(s Snapshot, plan *engine.Plan) {
	if shards := s.Cluster.Spec.Shards; shards != nil {
		plan.Shards = int(*shards)
	}
	plan.AbandonShards = s.topology().AbandonShards
	for _, name := range d.Wanted {
		at := placeOf(s, name)
		plan.Members = append(plan.Members, engine.PlanMember{
			Name:      name,
			Host:      resource.MemberHost(s.Cluster.Name, s.Cluster.Namespace, name),
			Component: at.Component,
			Shard:     at.Shard,
		})
	}
}

// databases are those that the primary makes: the application's, where the engine has any by name.
func databases(s Snapshot) []engine.PlanDatabase {
	if name := s.Engine.Traits().Database; name != "" {
		return []engine.PlanDatabase{{Name: name, Owner: appName}}
	}
	return nil
}

// systemID is the identity of the data: what status says, or else what a first primary reports (without one: the
// members that had data first), or else what the plan in force says. Status may not be written yet when that member is
// gone again, and a plan that forgot would allow a second birth.
func systemID(s Snapshot) string {
	if s.Cluster.Status.SystemID != "" {
		return s.Cluster.Status.SystemID
	}
	for _, m := range s.Members {
		if m.Report.SystemID != "" && s.isPrimary(m) {
			return m.Report.SystemID
		}
	}
	if told := commonSystemID(s); s.leaderless() && told != "" {
		return told
	}
	if plan := planInForce(s); plan.ClusterUID == string(s.Cluster.UID) {
		return plan.SystemID
	}
	return ""
}

// planInForce is the plan that the agents of this cluster read; the zero Plan when there is none.
func planInForce(s Snapshot) engine.Plan {
	kept := ownSecret(s, resource.PlanSecretName(s.Cluster.Name))
	if kept == nil {
		return engine.Plan{}
	}
	plan, err := engine.DecodePlan(kept.Data[engine.PlanKey])
	if err != nil {
		return engine.Plan{}
	}
	return plan
}

// initialiser names the one member that may make new data: the first, while no data was ever born and no volume was
// kept from a former cluster of this name (PROTOCOL I10). A second initialisation would hide the first one's data.
func initialiser(s Snapshot) string {
	if systemID(s) != "" || len(retainedMembers(s)) > 0 {
		return ""
	}
	return resource.MemberName(s.Cluster, resource.Place{})
}

// retainedMembers are the members whose volume carries another cluster's UID, until it is known which data this cluster
// has. The first primary is chosen among them.
func retainedMembers(s Snapshot) []string {
	if systemID(s) != "" {
		return nil
	}
	return keptMembers(s)
}

// keptMembers are the members whose volume was kept. What an ensemble has says nothing of whose data it is: that of the
// members decides.
func keptMembers(s Snapshot) []string {
	var names []string
	for _, m := range s.Members {
		if m.Component == "" && isRetained(s, m) {
			names = append(names, m.Name)
		}
	}
	return names
}

// isRetained says whether a member's volume was kept from a former cluster.
func isRetained(s Snapshot, m Member) bool {
	return m.Volume != nil && m.Volume.Labels[v1alpha1.LabelClusterUID] != string(s.Cluster.UID)
}
