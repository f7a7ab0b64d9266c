// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// changesHands switches to a member by name, and by the cluster's own choice where that can only mean one primary.
func changesHands(d *database) {
	highest := d.engine.highest()
	d.underLoad(func(func()) {
		d.makePrimary(highest)
		d.AwaitReady(clusterName)
		if !d.engine.has(onePrimary) {
			d.makePrimary(d.engine.lowest())
			return
		}
		if reason, message := d.Operate(v1alpha1.DatabaseOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: clusterName}, Type: v1alpha1.OperationSwitchover,
		}); reason != v1alpha1.ReasonComplete {
			d.Errorf("switchover ended with %s: %s", reason, message)
		}
		d.Await(clusterName, "primary is another", func(c *v1alpha1.DatabaseCluster) bool {
			return c.Status.Primary != "" && c.Status.Primary != highest
		})
	})
}

// isFollowed has an application that knows nothing but the binding's URI write in one session, whoever is primary.
func isFollowed(d *database) {
	ctx, cancel := context.WithTimeout(d.Context(), frame.Deadline)
	defer cancel()
	route, err := d.Route(ctx, clusterName, readWrite)
	d.Must(err)
	s, err := d.engine.follow(ctx, route)
	d.Must(err)
	defer s.Close()
	for _, member := range []string{d.engine.highest(), d.engine.lowest()} {
		d.makePrimary(member)
		d.Must(s.Write(ctx, d.records+1))
		d.records++
		d.Step("in the same session a write came to %s", member)
	}
	d.mustBeWhole()
}

// makePrimary switches over to a member, where that has a meaning.
func (d *database) makePrimary(member string) {
	d.Helper()
	if d.engine.has(primary) && !slices.Contains(d.Primaries(clusterName), member) {
		d.SwitchOver(clusterName, member)
	}
}

// stopsAndStarts keeps its volumes, and who was primary is primary again where that can be.
func stopsAndStarts(d *database) {
	d.makePrimary(d.engine.highest())
	d.AwaitReady(clusterName)
	before := d.Primaries(clusterName)
	d.underLoad(func(func()) {
		d.Change(clusterName, `{"powerState":"Stopped"}`)
		d.Await(clusterName, "stopped", func(c *v1alpha1.DatabaseCluster) bool { return c.Status.Members == 0 })
		d.mustHaveVolumes()
		d.Change(clusterName, `{"powerState":"Running"}`)
		d.AwaitReady(clusterName)
	})
	if after := d.Primaries(clusterName); d.engine.has(keptPrimary) && !slices.Equal(after, before) {
		d.Errorf("primary after the start is %q, was %q", after, before)
	}
}

// mustHaveVolumes looks for the volume of each member that there ever was.
func (d *database) mustHaveVolumes() {
	d.Helper()
	list, err := d.Kube.CoreV1().PersistentVolumeClaims(d.NS).List(d.Context(), metav1.ListOptions{})
	d.Must(err)
	var names []string
	for _, c := range list.Items {
		names = append(names, c.Name)
	}
	want := d.volumes()
	if slices.Sort(names); !slices.Equal(names, want) {
		d.Errorf("volumes are %v, want %v", names, want)
	}
}

// scales removes a primary's member, keeps its volume, and takes it back.
func scales(d *database) {
	highest := d.engine.highest()
	d.makePrimary(highest)
	d.AwaitReady(clusterName)
	replicas := func(n int32) string { return fmt.Sprintf("--replicas=%d", n) }
	d.underLoad(func(func()) {
		d.Kubectl("scale", "adb/"+clusterName, replicas(d.engine.members-1)) // as autoscalers do, by the subresource
		d.AwaitReady(clusterName)
		primaries := d.Primaries(clusterName)
		if _, there := d.Pods()[highest]; there || slices.Contains(primaries, highest) {
			d.Errorf("pods are %v, primary is %q", d.Pods(), primaries)
		}
		d.mustHaveVolumes()
		d.mustTellMargin()
	})
	d.underLoad(func(func()) {
		d.Kubectl("scale", "adb/"+clusterName, replicas(d.engine.members))
		d.AwaitReady(clusterName)
	})
}

// scalesShards adds a shard, which takes its share of the data, and gives it up again. Its volumes stay.
func scalesShards(d *database) {
	shards := d.engine.shards
	d.mostShards = shards + 1
	d.underLoad(func(func()) {
		for _, n := range []int32{shards + 1, shards} {
			d.Change(clusterName, fmt.Sprintf(`{"shards":%d}`, n))
			d.AwaitReady(clusterName)
			d.mustHaveVolumes()
		}
	})
}

// restartsMembers has every pod made anew, one after the other, because an operation asks for it.
func restartsMembers(d *database) {
	before := d.Pods()
	d.underLoad(func(func()) {
		if reason, message := d.Operate(v1alpha1.DatabaseOperationSpec{
			ClusterRef: v1alpha1.ClusterReference{Name: clusterName}, Type: v1alpha1.OperationRestart,
		}); reason != v1alpha1.ReasonComplete {
			d.Errorf("restart ended with %s: %s", reason, message)
		}
	})
	after := d.Pods()
	for name, old := range before {
		if now := after[name]; now == "" || now == old {
			d.Errorf("the pod of %s is %q, was %q", name, now, old)
		}
	}
}

// mustTellMargin waits until status says that two members are one too few, where a majority must acknowledge.
func (d *database) mustTellMargin() {
	d.Helper()
	if d.status().Durability.Effective == v1alpha1.EffectiveMajority {
		d.AwaitReason(clusterName, v1alpha1.ConditionDegraded, v1alpha1.ReasonNoQuorumMargin, "")
	}
}

// takesLiveParameter leaves open sessions alone, and all servers.
func takesLiveParameter(d *database) {
	s, err := d.open(d.Context(), readWrite)
	d.Must(err)
	defer s.Close()
	before := d.servers()
	d.underLoad(func(func()) { d.set(d.engine.live) })
	if err := s.Write(d.Context(), d.records); err != nil {
		d.Errorf("the session from before: %v", err)
	}
	for member, server := range d.servers() {
		if server == "" || before[member] != server {
			d.Errorf("the server of %s was restarted", member)
		}
	}
}

// takesRestartParameter restarts the server of one member after the other.
func takesRestartParameter(d *database) {
	before := d.servers()
	d.underLoad(func(func()) {
		d.set(d.engine.restart)
		d.Eventually("every server was restarted", func(ctx context.Context) error {
			for member, old := range before {
				if now := d.Server(ctx, member, d.engine.process); now == "" || now == old {
					return fmt.Errorf("that of %s was not", member)
				}
			}
			return nil
		})
	})
}

// servers are the servers of all members.
func (d *database) servers() map[string]string {
	d.Helper()
	all := map[string]string{}
	for _, m := range d.members() {
		all[m.Name] = d.Server(d.Context(), m.Name, d.engine.process)
	}
	return all
}

// set changes a parameter, and waits until every member's server has it.
func (d *database) set(p parameter) {
	d.Helper()
	d.Change(clusterName, fmt.Sprintf(`{"parameters":{%q:%q}}`, p.name, p.value))
	d.Await(clusterName, "up to date", func(c *v1alpha1.DatabaseCluster) bool {
		upToDate := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionUpToDate)
		return upToDate.Status == metav1.ConditionTrue && upToDate.ObservedGeneration == c.Generation
	})
	d.AwaitReady(clusterName)
	if p.hidden {
		return
	}
	for _, service := range []string{readWrite, readOnly} {
		d.Eventually(fmt.Sprintf("%s is %s through %s", p.name, p.value, service), func(ctx context.Context) error {
			return d.with(ctx, service, func(ctx context.Context, s session) error {
				got, err := s.Setting(ctx, p.name)
				if err == nil && got != p.value {
					err = fmt.Errorf("it is %q", got)
				}
				return err
			})
		})
	}
}

// isFoundAgain deletes the cluster, whose volumes stay, and makes another of its name.
func isFoundAgain(d *database) {
	d.write(10)
	d.DeleteKeepingVolumes(clusterName, d.volumes()...)
	d.apply(d.engine.members)
	d.mustBeWhole()
	d.write(10)
	d.mustHaveAll(readWrite, readOnly)
}
