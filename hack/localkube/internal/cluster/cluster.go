// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"io/fs"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/binary"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/cgroup"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/image"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/progress"
)

// Machine is what all instances on this machine share.
type Machine struct {
	// Cache keeps what is worth building once.
	Cache string
	// Source is the Go module of the cluster's programs.
	Source fs.FS
	// Project is the checkout that the project's image is built from.
	Project string
	// Report tells a person what happens.
	Report *progress.Reporter
	// Groups are the machine's control groups.
	Groups *cgroup.Tree
}

// Cluster is one instance and what it is run with.
type Cluster struct {
	instance.Instance
	Machine
	programs binary.Set
	starter  daemon.Starter
}

// Builder returns the image builder of this machine.
func (m Machine) Builder(programs binary.Set) (image.Builder, error) {
	store, err := image.Open(m.Cache)
	if err != nil {
		return image.Builder{}, err
	}
	return image.Builder{
		Store: store, Pause: programs.Path("pause"), Project: m.Project, Say: m.Report.Say,
	}, nil
}

// Open returns the cluster of a recorded instance.
func (m Machine) Open(i instance.Instance) (*Cluster, error) {
	programs, _, err := binary.Built(m.Cache, m.Source)
	if err != nil {
		return nil, err
	}
	return &Cluster{Instance: i, Machine: m, programs: programs, starter: daemon.Starter{Groups: m.Groups}}, nil
}
