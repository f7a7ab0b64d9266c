// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/conditions"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// report writes status if its meaning changed, and tells the transitions as events.
func (c *Controller) report(ctx context.Context, key cache.ObjectName, s Snapshot, d Decision, o Outcome) error {
	was := s.Cluster.Status
	is := Status(s, d, o)
	if equality.Semantic.DeepEqual(was, is) {
		return nil
	}
	cluster := s.Cluster.DeepCopy()
	cluster.Status = is
	written, err := c.client.AtlasDBV1alpha1().DatabaseClusters(key.Namespace).
		UpdateStatus(ctx, cluster, metav1.UpdateOptions{FieldManager: c.writer.FieldManager})
	if err != nil {
		return fmt.Errorf("writing status: %w", err)
	}
	c.gate.Wrote(key, "databaseclusters", written.ResourceVersion)
	if f := newFailover(was, is); f != nil && c.failovers != nil {
		c.failovers.ObserveFailover(f.Reason)
	}
	for _, t := range transitions(was, is) {
		c.recorder.Eventf(cluster, nil, t.kind, t.reason, t.action, "%s", t.note)
	}
	return nil
}

// Status is what status should say after a pass. It is pure, and claims nothing that the snapshot does not show.
func Status(s Snapshot, d Decision, o Outcome) v1alpha1.DatabaseClusterStatus {
	st := *s.Cluster.Status.DeepCopy()
	st.ObservedGeneration = s.Cluster.Generation
	st.Members, st.ReadyMembers = 0, 0
	for _, m := range s.Members {
		if m.Pod == nil || m.Component != "" {
			continue
		}
		st.Members++
		if isReady(m) {
			st.ReadyMembers++
		}
	}
	st.MemberStatuses = memberStatuses(s)
	st.SystemID = systemID(s)
	if s.Cluster.Spec.Shards == nil {
		st.Selector = resource.MemberSelector(s.Cluster.Name)
		if primary, ok := s.Primary(0); ok {
			// The last one known is kept while there is none: it is where the newest data is.
			st.Primary = primary.Name
		}
	}
	if d.Build != "" {
		st.Version = v1alpha1.VersionStatus{Current: d.Build, Image: d.Image, Available: d.Available}
	}
	st.Durability.Effective = effectiveDurability(s, d)
	st.LastFailover = lastFailover(s)
	st.DeletionPolicy = observedDeletionPolicy(s)
	st.Endpoints = endpoints(s)
	if s.Secret(resource.AppSecretName(s.Cluster.Name)) != nil {
		st.Binding = &v1alpha1.BindingStatus{Name: resource.AppSecretName(s.Cluster.Name)}
	}
	st.Conditions = conditionsOf(s, d, o, st)
	return st
}

// memberStatuses tells of the members that have a pod.
func memberStatuses(s Snapshot) []v1alpha1.MemberStatus {
	var all []v1alpha1.MemberStatus
	for _, m := range s.Members {
		if m.Pod == nil {
			continue
		}
		member := v1alpha1.MemberStatus{
			Name:           m.Name,
			Component:      m.Component,
			Role:           m.Report.Role,
			Ready:          isReady(m),
			CaughtUp:       m.Report.CaughtUp,
			RestartPending: len(m.Report.PendingRestart) > 0,
		}
		if m.Report.Incarnation != "" {
			// A node that is told with the first report costs no status write of its own.
			member.Node = m.Pod.Spec.NodeName
		}
		if s.Cluster.Spec.Shards != nil && m.Component == "" {
			member.Shard = new(int32(m.Shard))
		}
		if t, ok := troubleOf(s, m); ok {
			member.Message = conditions.Truncate(t.message)
		}
		all = append(all, member)
	}
	return all[:min(len(all), maxMemberStatuses)]
}

// maxMemberStatuses is what the schema admits. Only while shards come and go at once are there more members.
const maxMemberStatuses = 128 + resource.MaxEnsemble

// effectiveDurability is what is really in force, as those report it that accept writes: the least of any shard, since
// a write may go to any. It is None while one has nobody.
func effectiveDurability(s Snapshot, d Decision) v1alpha1.EffectiveDurability {
	writers := d.primaries(s)
	if s.leaderless() {
		writers = d.writers(s)
	}
	if len(writers) == 0 || !d.led(s) {
		return v1alpha1.EffectiveNone
	}
	worth := []v1alpha1.EffectiveDurability{
		v1alpha1.EffectiveNone, v1alpha1.EffectiveBoundedLoss, v1alpha1.EffectiveMajority,
	}
	least := len(worth) - 1
	for _, w := range writers {
		least = min(least, max(0, slices.Index(worth, w.Report.Durability)))
	}
	return worth[least]
}

// lastFailover tells of the newest promotion that any primary reports. What is known stays known when its pod is gone.
func lastFailover(s Snapshot) *v1alpha1.FailoverStatus {
	var last *v1alpha1.FailoverStatus
	for _, m := range s.Members {
		p := m.Report.Promotion
		if p == nil || !s.isPrimary(m) || (last != nil && p.Time.Before(last.CompletionTime)) {
			continue
		}
		last = &v1alpha1.FailoverStatus{
			CompletionTime: &p.Time, From: p.From, To: m.Name, Reason: p.Reason,
			UnavailableMilliseconds: p.UnavailableMilliseconds,
		}
	}
	return cmp.Or(last, s.Cluster.Status.LastFailover)
}

// observedDeletionPolicy is Delete only when every volume would go with the cluster.
func observedDeletionPolicy(s Snapshot) v1alpha1.DeletionPolicy {
	volumes := 0
	for _, m := range s.Members {
		if m.Volume == nil {
			continue
		}
		volumes++
		if !metav1.IsControlledBy(m.Volume, s.Cluster) {
			return v1alpha1.DeletionRetain
		}
	}
	if volumes == 0 {
		return s.Cluster.Spec.DeletionPolicy
	}
	return v1alpha1.DeletionDelete
}

// endpoints are the addresses of the Services that are there.
func endpoints(s Snapshot) v1alpha1.EndpointsStatus {
	address := func(service string) string {
		if _, exists := s.Objects[Ref{"Service", service}]; !exists || s.Engine == nil {
			return ""
		}
		return fmt.Sprintf("%s.%s.svc:%d", service, s.Cluster.Namespace, s.Engine.Traits().ClientPort)
	}
	return v1alpha1.EndpointsStatus{
		ReadWrite: address(resource.ReadWriteServiceName(s.Cluster.Name)),
		ReadOnly:  address(resource.ReadOnlyServiceName(s.Cluster.Name)),
	}
}
