// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// errNotRunning makes the exit status of `status` tell as well.
var errNotRunning = errors.New("not all components are running")

func (o *options) status() *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show what runs and where everything is; fails unless all components run",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			c, err := o.open()
			if err != nil {
				return err
			}
			components, err := c.Components()
			if err != nil {
				return err
			}
			table := tabwriter.NewWriter(command.OutOrStdout(), 0, 0, 2, ' ', 0)
			complete := true
			for _, component := range components {
				state := "running"
				if !component.Running {
					state, complete = "stopped", false
				}
				fmt.Fprintf(table, "%s\t%s\t%s\n", component.Name, state, component.Log)
			}
			fmt.Fprintln(table)
			for _, fact := range c.Facts() {
				fmt.Fprintf(table, "%s\t%s\n", fact.Name, fact.Value)
			}
			if err := table.Flush(); err != nil || complete {
				return err
			}
			return errNotRunning
		},
	}
}

func (o *options) logs() *cobra.Command {
	lines, follow := 100, false
	command := &cobra.Command{
		Use:   "logs COMPONENT",
		Short: "Print a component's log, such as kube-apiserver or node-1/kubelet",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			c, err := o.open()
			if err != nil {
				return err
			}
			tail, err := exec.LookPath("tail")
			if err != nil {
				return err
			}
			argv := []string{"tail", "--lines=" + strconv.Itoa(lines), c.LogFile(args[0])}
			if follow {
				argv = append(argv, "--follow=name")
			}
			return syscall.Exec(tail, argv, os.Environ())
		},
	}
	command.Flags().IntVarP(&lines, "lines", "n", lines, "number of last lines")
	command.Flags().BoolVarP(&follow, "follow", "f", follow, "go on with new lines")
	return command
}
