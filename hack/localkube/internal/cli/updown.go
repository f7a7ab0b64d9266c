// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/spf13/cobra"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// errLeftovers is returned by `down --verify`.
var errLeftovers = errors.New("left behind")

func (o *options) up() *cobra.Command {
	nodes := 3
	command := &cobra.Command{
		Use:   "up",
		Short: "Bring the instance up; safe to repeat",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			machine, err := o.machine("")
			if err != nil {
				return err
			}
			wanted, err := instance.New(o.state, o.name, nodes)
			if err != nil {
				return err
			}
			c, err := machine.Up(command.Context(), wanted)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(command.OutOrStdout(), "export KUBECONFIG=%s\n", c.Kubeconfig())
			return err
		},
	}
	command.Flags().IntVar(&nodes, "nodes", nodes, "number of nodes")
	return command
}

func (o *options) down() *cobra.Command {
	verify := false
	command := &cobra.Command{
		Use:   "down",
		Short: "Remove the instance with all its data; safe to repeat",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := o.open()
			if errors.Is(err, fs.ErrNotExist) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := c.Report.Step("down", func() error { return c.Down(command.Context()) }); err != nil {
				return err
			}
			if !verify {
				return nil
			}
			left, err := c.Leftovers()
			if err == nil && len(left) > 0 {
				err = fmt.Errorf("%w: %s", errLeftovers, strings.Join(left, ", "))
			}
			return err
		},
	}
	command.Flags().BoolVar(&verify, "verify", verify, "fail when anything is left on the machine")
	return command
}

func (o *options) kubeconfig() *cobra.Command {
	return &cobra.Command{
		Use:   "kubeconfig",
		Short: "Print the path of the administrator's kubeconfig",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := o.open()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(command.OutOrStdout(), c.Kubeconfig())
			return err
		},
	}
}
