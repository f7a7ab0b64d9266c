// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// giveVoteBack takes the vote from a member without data before its server starts. The set's configuration may still
// give it one, from the time before its volume was lost, and with it somebody could be elected who lacks what was
// acknowledged (mongodb.Config.MayForget). It gets one again as every new member does: when it is level.
func (d *Driver) giveVoteBack(ctx context.Context, plan engine.Plan) error {
	m, _, err := d.volume.mark()
	if err != nil || m.Joined || plan.SystemID == "" {
		return err
	}
	me, planned := plan.Member(d.options.Member)
	if !planned {
		return fmt.Errorf("%s is no member of the plan", d.options.Member)
	}
	told := d.lookAround(ctx, d.others(plan))
	votes := len(told) == 0 // nobody has said that it has none
	for member, v := range told {
		mayForget := v.config.MayForget(mongodb.HostOf(me))
		switch {
		case v.leads && mayForget:
			return nil
		case v.leads:
			return d.withdrawAt(ctx, member, v, me)
		}
		votes = votes || !mayForget
	}
	if votes {
		return errors.New("its vote has to be taken back before it comes without data, and no primary answers")
	}
	return nil
}

// withdrawAt takes the vote from this member at the primary's server. A change by the primary's own agent at the same
// time makes one of the two fail, and be tried again.
func (d *Driver) withdrawAt(ctx context.Context, primary engine.PlanMember, v view, me engine.PlanMember) error {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	klog.FromContext(ctx).Info("Giving the vote back that this member had with its former data", "primary", primary.Name)
	return d.at(ctx, primary, func(c *mongo.Client) error {
		return reconfigure(ctx, c, v, mongodb.Move{Kind: mongodb.Withdraw, Host: mongodb.HostOf(me)})
	})
}
