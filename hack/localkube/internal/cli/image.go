// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (o *options) image() *cobra.Command {
	command := &cobra.Command{Use: "image", Short: "Build images and bring them into the nodes"}
	command.AddCommand(o.imageBuild(), o.imageLoad())
	return command
}

func (o *options) imageBuild() *cobra.Command {
	project := "."
	command := &cobra.Command{
		Use:   "build [NAME...]",
		Short: "Build the named images, or all",
		RunE: func(command *cobra.Command, names []string) error {
			machine, err := o.machine(project)
			if err != nil {
				return err
			}
			full, err := machine.BuildImages(command.Context(), names)
			for _, name := range full {
				fmt.Fprintln(command.OutOrStdout(), name)
			}
			return err
		},
	}
	command.Flags().StringVar(&project, "project", project, "checkout that the image atlasdb is built from")
	return command
}

func (o *options) imageLoad() *cobra.Command {
	return &cobra.Command{
		Use:   "load [NAME...]",
		Short: "Bring the named images that were built, or all, into all nodes",
		RunE: func(command *cobra.Command, names []string) error {
			c, err := o.open()
			if err != nil {
				return err
			}
			return c.LoadImages(command.Context(), names)
		},
	}
}
