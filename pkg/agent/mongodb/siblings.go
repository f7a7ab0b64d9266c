// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"slices"
	"sync"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// siblingsWithin bounds a look around. Who takes longer counts as one that does not answer.
const siblingsWithin = 2 * time.Second

// at does something at another member's server.
func (d *Driver) at(ctx context.Context, m engine.PlanMember, do func(*mongo.Client) error) error {
	client, err := d.access.toSibling(m)
	if err != nil {
		return err
	}
	defer disconnect(ctx, client)
	return do(client)
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
