// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"fmt"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// clusterName is what every database of a trial is called; its namespace tells them apart.
const clusterName = "orders"

// layout is a kind of database.
type layout struct {
	name   string
	change func(*v1alpha1.DatabaseClusterSpec)
}

// The layouts.
var (
	// spread has three members on three nodes.
	spread = &layout{"spread", func(s *v1alpha1.DatabaseClusterSpec) {
		s.Scheduling.Spread.Node = v1alpha1.SpreadRequired
	}}
	// relaxed is spread, and a primary waits for nobody.
	relaxed = &layout{"relaxed", func(s *v1alpha1.DatabaseClusterSpec) {
		s.Scheduling.Spread.Node, s.Durability = v1alpha1.SpreadRequired, v1alpha1.DurabilityRelaxed
	}}
	// pinned has all members on one node, so that a successor is where the old one was.
	pinned = &layout{"pinned", func(s *v1alpha1.DatabaseClusterSpec) {
		s.Scheduling.NodeSelector = map[string]string{corev1.LabelHostname: "node-2"}
	}}
)

// database is one DatabaseCluster, alone in its namespace.
type database struct {
	*frame
	ns     string
	engine *engine
	layout *layout
	// service leads to it through its Service for writes.
	service route
}

// newDatabase makes one and waits until it serves.
func (f *frame) newDatabase(ctx context.Context, e *engine, l *layout) (*database, error) {
	ctx, cancel := context.WithTimeout(ctx, recoveryDeadline)
	defer cancel()
	ns, err := f.makeNamespace(ctx)
	if err != nil {
		return nil, err
	}
	db := &database{frame: f, ns: ns, engine: e, layout: l}
	if _, err := db.create(ctx); err != nil {
		return db, err
	}
	if err := db.awaitReady(ctx); err != nil {
		return db, err
	}
	return db, db.resolve(ctx)
}

func (db *database) create(ctx context.Context) (*v1alpha1.DatabaseCluster, error) {
	c := &v1alpha1.DatabaseCluster{
		ObjectMeta: metav1.ObjectMeta{Name: clusterName},
		Spec: v1alpha1.DatabaseClusterSpec{
			Engine: db.engine.kind, Version: db.engine.version, Members: 3,
			Storage: v1alpha1.StorageSpec{Size: resource.MustParse("1Gi")},
			Resources: v1alpha1.ResourcesSpec{Requests: corev1.ResourceList{
				corev1.ResourceCPU: resource.MustParse("50m"), corev1.ResourceMemory: resource.MustParse("256Mi"),
			}},
		},
	}
	if db.engine.shards > 0 {
		c.Spec.Shards = new(db.engine.shards)
	}
	db.layout.change(&c.Spec)
	return db.atlas.AtlasDBV1alpha1().DatabaseClusters(db.ns).Create(ctx, c, metav1.CreateOptions{})
}

// awaitReady waits until the operator calls the newest spec Ready with all its members.
func (db *database) awaitReady(ctx context.Context) error {
	var last *v1alpha1.DatabaseCluster
	err := awaitObject(ctx, db.atlas.AtlasDBV1alpha1().DatabaseClusters(db.ns), clusterName,
		func(c *v1alpha1.DatabaseCluster) bool { last = c; return isReady(c) })
	if err != nil && last != nil {
		return fmt.Errorf("waiting until ready: %w; conditions are %+v", err, last.Status.Conditions)
	}
	return err
}

func isReady(c *v1alpha1.DatabaseCluster) bool {
	if c == nil {
		return false
	}
	ready, members := meta.FindStatusCondition(c.Status.Conditions, v1alpha1.ConditionReady), c.Spec.Members
	if c.Spec.Shards != nil {
		members *= *c.Spec.Shards
	}
	return ready != nil && ready.Status == metav1.ConditionTrue && ready.ObservedGeneration == c.Generation &&
		c.Status.ReadyMembers == members && c.Status.Members == members
}

// resolve reads anew where the Service is and how to log in.
func (db *database) resolve(ctx context.Context) error {
	binding, err := db.kube.CoreV1().Secrets(db.ns).Get(ctx, clusterName+"-app", metav1.GetOptions{})
	if err != nil {
		return err
	}
	service, err := db.kube.CoreV1().Services(db.ns).Get(ctx, clusterName+"-rw", metav1.GetOptions{})
	if err != nil {
		return err
	}
	db.service, err = routeTo(service.Spec.ClusterIP, service.Name, binding)
	return err
}

// members gives the pods of the members, the primary first where there is one.
func (db *database) members(ctx context.Context) ([]corev1.Pod, error) {
	list, err := db.kube.CoreV1().Pods(db.ns).List(ctx, metav1.ListOptions{
		LabelSelector: db.engine.members(),
	})
	if err != nil {
		return nil, err
	}
	pods := list.Items
	if db.engine.leaderless {
		return pods, nil
	}
	primary := slices.IndexFunc(pods, func(p corev1.Pod) bool {
		return p.Labels[v1alpha1.LabelRole] == v1alpha1.RoleLabelPrimary
	})
	if primary < 0 {
		return nil, fmt.Errorf("none of %d pods is labelled primary", len(pods))
	}
	pods[0], pods[primary] = pods[primary], pods[0]
	return pods, nil
}

// prepare makes a table through the Service, whose rules on this node may come a moment after the database is Ready, or
// still lead to a former primary.
func (db *database) prepare(ctx context.Context, table string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return eventually(ctx, "preparing "+table, func(ctx context.Context) error {
		conn, _, err := db.engine.connect(ctx, db.service)
		if err != nil {
			return err
		}
		defer conn.close()
		return conn.prepare(ctx, table)
	})
}

// rows reads a trial's table from one member.
func (db *database) rows(ctx context.Context, address, table string) ([]row, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	conn, _, err := db.engine.connect(ctx, db.service.directly(address))
	if err != nil {
		return nil, err
	}
	defer conn.close()
	return conn.rows(ctx, table)
}
