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

// fault is one thing that can be done to a node; pod is empty when it is not about one.
type fault func(ctx context.Context, c *cluster.Cluster, node instance.Node, pod string) error

func (o *options) node() *cobra.Command {
	command := &cobra.Command{Use: "node", Short: "Break a node and mend it"}
	plain := func(use, short string, do fault) *cobra.Command {
		return o.fault(use+" N", short, cobra.ExactArgs(1), do)
	}
	podWise := func(use, short string, do fault) *cobra.Command {
		return o.fault(use+" N [NAMESPACE/POD]", short, cobra.RangeArgs(1, 2), do)
	}
	command.AddCommand(
		plain("cut", "Pull the node's network cable", func(_ context.Context, _ *cluster.Cluster, n instance.Node, _ string) error {
			return network.Cut(n)
		}),
		plain("heal", "Plug the node's network cable in", func(_ context.Context, _ *cluster.Cluster, n instance.Node, _ string) error {
			return network.Heal(n)
		}),
		plain("stop", "Take the node's power", func(ctx context.Context, c *cluster.Cluster, n instance.Node, _ string) error {
			return c.StopNode(ctx, n)
		}),
		plain("start", "Give the node its power back", func(ctx context.Context, c *cluster.Cluster, n instance.Node, _ string) error {
			return c.StartNode(ctx, n)
		}),
		podWise("freeze", "Stop the node's containers, or one pod's, from running", (fault)(freeze)),
		podWise("thaw", "Let frozen containers run on", (fault)(thaw)),
	)
	return command
}

func freeze(ctx context.Context, c *cluster.Cluster, node instance.Node, pod string) error {
	return c.FreezeNode(ctx, node, pod)
}

func thaw(ctx context.Context, c *cluster.Cluster, node instance.Node, pod string) error {
	return c.ThawNode(ctx, node, pod)
}

func (o *options) fault(use, short string, args cobra.PositionalArgs, do fault) *cobra.Command {
	return &cobra.Command{
		Use:   use,
		Short: short,
		Args:  args,
		RunE: func(command *cobra.Command, args []string) error {
			c, err := o.open()
			if err != nil {
				return err
			}
			number, err := strconv.Atoi(args[0])
			if err != nil {
				return fmt.Errorf("number of the node: %w", err)
			}
			node, err := c.FindNode(number)
			if err != nil {
				return err
			}
			pod := ""
			if len(args) > 1 {
				pod = args[1]
			}
			return do(command.Context(), c, node, pod)
		},
	}
}
