// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// clusterName is what every database here is called; its namespace tells it from others.
const clusterName = "orders"

// The Services of a database.
const (
	readWrite = clusterName + "-rw"
	readOnly  = clusterName + "-ro"
)

// database is what the behaviours of an engine are shown on.
type database struct {
	*frame.Frame
	engine *engine
	// mostShards is how many shards there ever were.
	mostShards int32
	// talksTo is the member that an application's session came to last, where any may be.
	talksTo atomic.Value
	// records is how many writes were acknowledged: those of the records 1 to records.
	records int
}

// newDatabase makes a database and waits until it is Ready.
func newDatabase(t *testing.T, e *engine) *database {
	t.Helper()
	d := &database{Frame: frame.New(t), engine: e, mostShards: e.shards}
	d.apply(e.members)
	d.AwaitReady(clusterName)
	return d
}

// apply makes the cluster. Each member of a shard is on a node of its own where nodes can be lost.
func (d *database) apply(members int32) {
	d.Helper()
	c := frame.Small(clusterName, d.engine.kind, d.version(), members)
	if d.engine.shards > 0 {
		c.Spec.Shards = new(d.engine.shards)
	}
	if frame.CanLoseNodes() {
		c.Spec.Scheduling.Spread.Node = v1alpha1.SpreadRequired
	}
	d.Create(c)
}

// version is the one to run.
func (d *database) version() string {
	d.Helper()
	if d.engine.version != "" {
		return d.engine.version
	}
	offer, err := d.Atlas.AtlasDBV1alpha1().DatabaseEngines().Get(d.Context(),
		strings.ToLower(string(d.engine.kind)), metav1.GetOptions{})
	d.Must(err)
	return offer.Spec.DefaultVersion
}

// on hands the database to a subtest.
func (d *database) on(t *testing.T) *database {
	t.Helper()
	d.Frame = d.On(t)
	return d
}

// status is the cluster's, as it is now.
func (d *database) status() v1alpha1.DatabaseClusterStatus {
	d.Helper()
	c, err := d.Atlas.AtlasDBV1alpha1().DatabaseClusters(d.NS).Get(d.Context(), clusterName, metav1.GetOptions{})
	d.Must(err)
	return c.Status
}

// memberNames are those of all members that a database has with so many shards, in order.
func (e *engine) memberNames(shards int32) (names []string) {
	if e.shards == 0 {
		for i := range e.members {
			names = append(names, fmt.Sprintf("%s-db-%d", clusterName, i))
		}
	}
	for shard := range shards {
		for i := range e.members {
			names = append(names, fmt.Sprintf("%s-db-%d-%d", clusterName, shard, i))
		}
	}
	return names
}

// keeperNames are those of the ensemble, in order; there are none where there is no ensemble.
func (e *engine) keeperNames() (names []string) {
	for i := range e.keepers.members {
		names = append(names, fmt.Sprintf("%s-db-%s-%d", clusterName, e.keepers.component, i))
	}
	return names
}

// volumes are the names of the volumes of all servers that there ever were, in order.
func (d *database) volumes() []string {
	return append(d.engine.memberNames(d.mostShards), d.engine.keeperNames()...)
}

// highest is a member that goes first when a cluster shrinks, and lowest one of its shard that stays.
func (e *engine) highest() string {
	names := e.memberNames(e.shards)
	return names[len(names)-1]
}

func (e *engine) lowest() string {
	names := e.memberNames(e.shards)
	return names[len(names)-int(e.members)]
}

// members are the members as status tells of them, the ensemble left out.
func (d *database) members() []v1alpha1.MemberStatus {
	d.Helper()
	return slices.DeleteFunc(d.status().MemberStatuses, func(m v1alpha1.MemberStatus) bool { return m.Component != "" })
}

// victim is the member whose loss hurts most: a primary or, where none is, the one that the application talks to.
func (d *database) victim() v1alpha1.MemberStatus {
	d.Helper()
	members := d.members()
	i := slices.IndexFunc(members, func(m v1alpha1.MemberStatus) bool {
		return m.Role == v1alpha1.RolePrimary || m.Name == d.talksTo.Load()
	})
	return members[max(i, 0)]
}

// open opens a session through a Service, as the binding says unless change makes it otherwise.
func (d *database) open(ctx context.Context, service string, change ...func(*frame.Route)) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*frame.ConnectTimeout)
	defer cancel()
	route, err := d.Route(ctx, clusterName, service)
	if err != nil {
		return nil, err
	}
	for _, x := range change {
		x(route)
	}
	return d.engine.connect(ctx, route)
}

// with does something in a session of its own.
func (d *database) with(ctx context.Context, service string, do func(context.Context, session) error) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	s, err := d.open(ctx, service)
	if err != nil {
		return err
	}
	defer s.Close()
	return do(ctx, s)
}

// mustHaveAll looks for every record that was acknowledged, and for nothing else.
func (d *database) mustHaveAll(services ...string) {
	d.Helper()
	want := make([]int, d.records)
	for i := range want {
		want[i] = i + 1
	}
	for _, service := range services {
		d.Eventually(fmt.Sprintf("found %d records through %s", d.records, service), func(ctx context.Context) error {
			return d.with(ctx, service, func(ctx context.Context, s session) error {
				got, err := s.Read(ctx)
				if err == nil && !slices.Equal(got, want) {
					err = fmt.Errorf("%d records, want %d; the first that differs is %d", len(got), len(want),
						firstDifference(got, want))
				}
				return err
			})
		})
	}
}

// firstDifference is the smaller of the two records where the lists part.
func firstDifference(got, want []int) int {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return min(got[i], want[i])
		}
	}
	return min(len(got), len(want)) + 1
}

// mustBeWhole waits until the database is Ready and looks for its records through all its Services.
func (d *database) mustBeWhole() {
	d.Helper()
	c := d.AwaitReady(clusterName)
	services := []string{readWrite, readOnly}
	if c.Spec.Members == 1 {
		services = services[:1]
	}
	d.mustHaveAll(services...)
}
