// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"context"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/cluster"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/network"
)

// target is what a command breaks or mends; pod is empty when it is about the whole node.
type target struct {
	cluster *cluster.Cluster
	node    instance.Node
	pod     string
}

type fault func(ctx context.Context, t target) error

func (o *options) node() *cobra.Command {
	command := &cobra.Command{Use: "node", Short: "Break a node and mend it"}
	ofNode, ofPod := cobra.ExactArgs(1), cobra.RangeArgs(1, 2)
	command.AddCommand(
		o.fault("cut N", "Pull the node's network cable", ofNode,
			func(_ context.Context, t target) error { return network.Cut(t.node) }),
		o.fault("heal N", "Plug the node's network cable in", ofNode,
			func(_ context.Context, t target) error { return network.Heal(t.node) }),
		o.fault("stop N", "Take the node's power", ofNode,
			func(ctx context.Context, t target) error { return t.cluster.StopNode(ctx, t.node) }),
		o.fault("start N", "Give the node its power back", ofNode,
			func(ctx context.Context, t target) error { return t.cluster.StartNode(ctx, t.node) }),
		o.fault("freeze N [NAMESPACE/POD]", "Stop the node's containers, or one pod's, from running", ofPod,
			func(ctx context.Context, t target) error { return t.cluster.FreezeNode(ctx, t.node, t.pod) }),
		o.fault("thaw N [NAMESPACE/POD]", "Let frozen containers run on", ofPod,
			func(ctx context.Context, t target) error { return t.cluster.ThawNode(ctx, t.node, t.pod) }),
	)
	return command
}

func (o *options) fault(use, short string, args cobra.PositionalArgs, do fault) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args,
		RunE: func(command *cobra.Command, args []string) error {
			t, err := o.target(args)
			if err != nil {
				return err
			}
			return do(command.Context(), t)
		},
	}
}

func (o *options) target(args []string) (target, error) {
	c, err := o.open()
	if err != nil {
		return target{}, err
	}
	number, err := strconv.Atoi(args[0])
	if err != nil {
		return target{}, fmt.Errorf("number of the node: %w", err)
	}
	node, err := c.FindNode(number)
	t := target{cluster: c, node: node}
	if len(args) > 1 {
		t.pod = args[1]
	}
	return t, err
}
