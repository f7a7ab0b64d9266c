// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantShared asks for the objects that all members share, in the order in which they are needed.
func (d *Decision) wantShared(s Snapshot) error {
	cluster, traits, topology := s.Cluster, s.Engine.Traits(), s.topology()
	shared := []runtime.ApplyConfiguration{
		resource.ServiceAccount(cluster),
		resource.Role(cluster, topology),
		resource.RoleBinding(cluster),
		resource.HeadlessService(cluster, traits, topology),
		resource.ReadWriteService(cluster, traits, topology),
		resource.NetworkPolicy(cluster, traits, topology),
	}
	if cluster.Spec.Members > 1 {
		shared = append(shared, resource.ReadOnlyService(cluster, s.Engine.Traits()))
	} else {
		d.unwant(s, Ref{"Service", resource.ReadOnlyServiceName(cluster.Name)}, singleMember)
	}
	shared = append(append(shared, d.budgets(s)...), d.ensembleShared(s)...)
	for _, wanted := range shared {
		if err := d.want(s, wanted); err != nil {
			return err
		}
	}
	if err := d.wantSecrets(s); err != nil {
		return err
	}
	return d.wantLease(s)
}

// singleMember is why an object is not needed.
const singleMember = "a single member has no replicas"

// budgets are the PodDisruptionBudgets of the shards that have replicas; those that are left of others go.
func (d *Decision) budgets(s Snapshot) (wanted []runtime.ApplyConfiguration) {
	shards := d.shards(s)
	for shard := range resource.PossibleShards(s.Cluster) {
		if s.Cluster.Spec.Members > 1 && slices.Contains(shards, shard) {
			wanted = append(wanted, resource.PodDisruptionBudget(s.Cluster, shard))
			continue
		}
		d.unwant(s, Ref{"PodDisruptionBudget", resource.PodDisruptionBudgetName(s.Cluster, shard)}, singleMember)
	}
	return wanted
}

// wantLease asks for the Lease when it is missing, and never again: from then on it belongs to the agents. A Lease that
// somebody deleted is made anew in the name of the primary that is known, so that no other member takes it for free.
func (d *Decision) wantLease(s Snapshot) error {
	if !s.leaseElected() {
		return nil
	}
	lease := resource.LeaseName(s.Cluster.Name)
	if _, exists := s.Objects[Ref{"Lease", lease}]; exists {
		return nil
	}
	holder, epoch := knownPrimary(s)
	return d.want(s, resource.Lease(s.Cluster, holder, epoch))
}

// knownPrimary is the incarnation of the primary as far as it is known, the one of the highest epoch that reports
// itself or else the member in status; "" while no data was born. epoch is the highest that any member reports: one
// that was used must never be used again (PROTOCOL I5).
func knownPrimary(s Snapshot) (holder string, epoch int64) {
	var since int64 = -1
	for _, m := range s.Members {
		if m.Pod == nil {
			continue
		}
		epoch = max(epoch, m.Report.Epoch)
		if m.Report.Role == v1alpha1.RolePrimary && m.Report.Epoch > since {
			holder, since = m.Report.Incarnation, m.Report.Epoch
		}
	}
	if holder == "" && s.Cluster.Status.Primary != "" {
		holder = s.Cluster.Status.Primary + "//"
	}
	return holder, epoch
}
