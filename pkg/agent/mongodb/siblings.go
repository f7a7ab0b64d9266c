// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// siblingsWithin bounds a look around. Who takes longer counts as one that does not answer.
const siblingsWithin = 2 * time.Second

// siblings are the servers of other members. Connections to them are kept: when a primary dies, there is no time to
// make any.
type siblings struct {
	access Access

	mu      sync.Mutex
	clients map[engine.PlanMember]*mongo.Client
}

// to gives the client of a member's server.
func (s *siblings) to(m engine.PlanMember) (client *mongo.Client, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if client, there := s.clients[m]; there {
		return client, nil
	}
	if client, err = s.access.toSibling(m); err == nil {
		s.clients[m] = client
	}
	return client, err
}

// keep makes clients of some members, and forgets those of all others; of all, when there are none.
func (s *siblings) keep(ctx context.Context, members []engine.PlanMember) (err error) {
	for _, client := range s.forget(members) {
		disconnect(ctx, client)
	}
	for _, m := range members {
		_, failed := s.to(m)
		err = errors.Join(err, failed)
	}
	return err
}

// forget gives up the clients of all but some members.
func (s *siblings) forget(but []engine.PlanMember) (forgotten []*mongo.Client) {
	s.mu.Lock()
	defer s.mu.Unlock()
	maps.DeleteFunc(s.clients, func(m engine.PlanMember, client *mongo.Client) bool {
		gone := !slices.Contains(but, m)
		if gone {
			forgotten = append(forgotten, client)
		}
		return gone
	})
	return forgotten
}

// at does something at another member's server. A connection that was kept may have died with a server that is there
// again, which is found out by using it.
func (d *Driver) at(ctx context.Context, m engine.PlanMember, do func(*mongo.Client) error) error {
	client, err := d.siblings.to(m)
	if err != nil {
		return err
	}
	if err = do(client); mongo.IsNetworkError(err) && ctx.Err() == nil {
		err = do(client)
	}
	return err
}

// atEach does something at the servers of some members, all at once, and gives what came of it where it succeeded.
func atEach[T any](
	ctx context.Context, d *Driver, members []engine.PlanMember, do func(context.Context, *mongo.Client) (T, error),
) map[engine.PlanMember]T {
	var mu sync.Mutex
	var wg sync.WaitGroup
	found := map[engine.PlanMember]T{}
	for _, m := range members {
		wg.Go(func() {
			var told T
			err := d.at(ctx, m, func(c *mongo.Client) (err error) {
				told, err = do(ctx, c)
				return err
			})
			if err != nil {
				klog.FromContext(ctx).V(1).Info("A member did not answer", "member", m.Name, "err", err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			found[m] = told
		})
	}
	wg.Wait()
	return found
}

// others are the other members of the plan.
func (d *Driver) others(plan engine.Plan) []engine.PlanMember {
	return slices.DeleteFunc(plan.InShard(0), func(m engine.PlanMember) bool { return m.Name == d.options.Member })
}

// lookAround gives the set as the servers of some members see it, of those that answer.
func (d *Driver) lookAround(ctx context.Context, members []engine.PlanMember) map[engine.PlanMember]view {
	ctx, cancel := context.WithTimeout(ctx, siblingsWithin)
	defer cancel()
	return atEach(ctx, d, members, lookAt)
}
