// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/cgroup"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/cluster"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/progress"
)

// errNotRoot is returned to anybody else: namespaces, mounts and control groups need root.
var errNotRoot = errors.New("localkube must run as root")

// options are the flags that all commands share.
type options struct {
	name, state, cache string
	source             fs.FS
}

// Root returns the command "localkube". source is the Go module that the cluster's programs are built from.
func Root(source fs.FS) *cobra.Command {
	o := &options{source: source}
	command := &cobra.Command{
		Use:           "localkube",
		Short:         "A real Kubernetes of several nodes on one plain Debian machine",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	flags := command.PersistentFlags()
	flags.StringVar(&o.name, "name", "dev", "name of the instance")
	flags.StringVar(&o.state, "state", defaultState(), "folder of all instances' state")
	flags.StringVar(&o.cache, "cache", defaultCache(), "folder of built programs and images ($ATLASDB_CACHE)")
	command.AddCommand(o.up(), o.down(), o.status(), o.image(), o.node(), o.logs(), o.kubeconfig(), enter())
	return command
}

func defaultState() string {
	if state := os.Getenv("XDG_STATE_HOME"); state != "" {
		return filepath.Join(state, "atlasdb-localkube")
	}
	return "/var/lib/atlasdb-localkube"
}

func defaultCache() string {
	if cache := os.Getenv("ATLASDB_CACHE"); cache != "" {
		return cache
	}
	return "/var/cache/atlasdb"
}

// machine returns what all instances share. Progress goes to standard error: standard output is for other programs.
func (o *options) machine(project string) (cluster.Machine, error) {
	if os.Geteuid() != 0 {
		return cluster.Machine{}, errNotRoot
	}
	groups, err := cgroup.Mounted()
	if err != nil {
		return cluster.Machine{}, err
	}
	cache, err := filepath.Abs(o.cache)
	if err != nil {
		return cluster.Machine{}, err
	}
	return cluster.Machine{
		Cache: cache, Source: o.source, Project: project, Groups: groups, Report: progress.New(os.Stderr),
	}, nil
}

// open returns the recorded instance's cluster.
func (o *options) open() (*cluster.Cluster, error) {
	machine, err := o.machine("")
	if err != nil {
		return nil, err
	}
	recorded, err := instance.Load(o.state, o.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w; `localkube up` makes it", err)
	}
	if err != nil {
		return nil, err
	}
	return machine.Open(recorded)
}

// enter is how daemons are started; see package daemon.
func enter() *cobra.Command {
	return &cobra.Command{
		Use:                daemon.EnterCommand + " GROUP NAMESPACE PROGRAM [ARGUMENT...]",
		Hidden:             true,
		Args:               cobra.MinimumNArgs(3),
		DisableFlagParsing: true,
		RunE:               func(_ *cobra.Command, args []string) error { return daemon.Enter(args[0], args[1], args[2:]) },
	}
}
