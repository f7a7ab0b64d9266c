// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
)

// electable says whether most of those who vote, this member among them, know of a replica that it follows this member.
// Who has not heard of that refuses its vote [seen], and a replica asks for votes once in 20 s.
func (d *ClusterDriver) electable(ctx context.Context, plan engine.Plan, replica string) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	voters, votes := d.view.Voters(), 1
	for _, voter := range voters {
		seen := redis.Cluster{Member: voter.Name, Plan: plan}
		err := d.at(voter, func(c *goredis.Client) (err error) {
			seen.Nodes, err = nodesOf(ctx, c)
			return err
		})
		if err == nil && seen.Sees(replica, d.view.Myself().ID) {
			votes++
		}
	}
	return votes > (len(voters)+1)/2
}
