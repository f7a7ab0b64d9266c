// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"fmt"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// rest is the time after the death of a primary's server, in which a replica takes its place.
type rest struct {
	// began is since when no server runs, left what the last one left behind, as it was seen while it led.
	began time.Time
	left  redis.Estate
	// asked is when the replicas were asked last, heard what they told. bequeathed says that one was told to stand.
	asked      time.Time
	heard      []redis.Bereaved
	bequeathed bool
}

const (
	// heirWithin is how long replicas may take to elect one of them in the place of a primary that died: the node timeout,
	// until a majority agrees and the votes are in.
	heirWithin = 15 * time.Second
	// askHeirsEvery is how often they are asked.
	askHeirsEvery = 200 * time.Millisecond
)

// observeRest finds out whether the member is to leave its place to a replica: it was primary, it did not end cleanly,
// and others may have what it has not. It has left it when one of them leads.
func (d *ClusterDriver) observeRest(ctx context.Context, o *runbook.Observation) error {
	if d.server != nil || !o.Volume.HasData || time.Since(d.rest.began) > heirWithin {
		return nil
	}
	s, _, err := d.volume.state()
	if err != nil {
		return err
	}
	others := d.othersOfShard(o.Plan)
	if !s.Led || s.Exact || len(others) == 0 {
		return nil
	}
	if time.Since(d.rest.asked) > askHeirsEvery {
		d.rest.heard, d.rest.asked = d.askHeirs(ctx, others), time.Now()
	}
	if redis.Succeeded(d.rest.heard) {
		d.led, d.lost = false, time.Now()
		return nil
	}
	o.Volume.Resting = true
	if !d.rest.bequeathed && !d.settling() {
		o.Volume.Heir, _ = d.rest.left.Heir(d.rest.heard)
	}
	return nil
}

func (d *ClusterDriver) othersOfShard(plan engine.Plan) (others []engine.PlanMember) {
	me, _ := plan.Member(d.options.Member)
	for _, m := range plan.InShard(me.Shard) {
		if m.Name != me.Name {
			others = append(others, m)
		}
	}
	return others
}

// askHeirs gives what the replicas tell that answer.
func (d *ClusterDriver) askHeirs(ctx context.Context, members []engine.PlanMember) (heard []redis.Bereaved) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	for _, m := range members {
		_ = d.at(m, func(c *goredis.Client) error { // who does not answer may be dead as well
			seen, err := ask(ctx, c)
			if err != nil || seen.Loading {
				return err
			}
			text, err := c.ClusterNodes(ctx).Result()
			if err != nil {
				return err
			}
			nodes, err := redis.ParseNodes(text)
			if err != nil {
				return err
			}
			me := redis.Cluster{Nodes: nodes}.Myself()
			heard = append(heard, redis.Bereaved{
				Member: m.Name, Leads: me.Primary && len(me.Slots) > 0, History: seen.ReplicationID, Offset: seen.Offset,
				Receiving: seen.LinkUp, Copying: seen.Syncing,
			})
			return nil
		})
	}
	return heard
}

// bequeath has a replica stand for election in the place of this member, whose server is dead (CLUSTER FAILOVER FORCE),
// FORCE spares it the wait until the gossip has noticed, and the handshake with this
// server; it still needs the votes of a majority of the primaries. TAKEOVER would not, and is never used.
func (d *ClusterDriver) bequeath(ctx context.Context, t runbook.Task) error {
	ctx, cancel := context.WithTimeout(ctx, handOverWithin)
	defer cancel()
	d.rest.bequeathed = true
	member, planned := t.Plan.Member(t.Primary)
	if !planned {
		return fmt.Errorf("%s is no member", t.Primary)
	}
	client, err := d.reach.to(member)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	if err := client.Do(ctx, "CLUSTER", "FAILOVER", "FORCE").Err(); err != nil {
		return fmt.Errorf("asking %s to stand for election: %w", t.Primary, err)
	}
	return nil
}
