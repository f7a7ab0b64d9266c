// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/binary"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/deb"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/network"
)

// Up brings the instance up, or completes one that is partly up.
func (m Machine) Up(ctx context.Context, wanted instance.Instance) (*Cluster, error) {
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	programs, seed, err := m.prepare(ctx)
	if err != nil {
		return nil, err
	}
	claimed, err := m.claim(wanted)
	if err != nil {
		return nil, err
	}
	c := &Cluster{
		Instance: claimed, Machine: m, programs: programs,
		starter: daemon.Starter{Groups: m.Groups, Fail: fail},
	}
	if err := c.Report.Step("keys and configuration", c.configure); err != nil {
		return nil, err
	}
	if err := c.start(ctx, seed); err != nil {
		// A daemon that ended is the reason behind whatever timed out or was cancelled since.
		if cause := context.Cause(ctx); cause != nil {
			return nil, fmt.Errorf("%w: %w", err, cause)
		}
		return nil, err
	}
	return c, nil
}

// prepare makes what is made once per machine: packages, programs, images.
func (m Machine) prepare(ctx context.Context) (binary.Set, string, error) {
	unlock, err := m.lock()
	if err != nil {
		return binary.Set{}, "", err
	}
	defer unlock()
	var programs binary.Set
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return m.installPackages(groupCtx) })
	group.Go(func() (err error) {
		programs, err = m.buildPrograms(groupCtx)
		return err
	})
	if err := group.Wait(); err != nil {
		return binary.Set{}, "", err
	}
	if err := programs.Link(m.Cache); err != nil {
		return binary.Set{}, "", err
	}
	seed, err := m.seed(ctx, programs)
	return programs, seed, err
}

func (m Machine) installPackages(ctx context.Context) error {
	missing, err := deb.Missing(ctx, deb.Required())
	if err != nil || len(missing) == 0 {
		return err
	}
	return m.Report.Step(fmt.Sprintf("Debian packages %v", missing), func() error { return deb.Install(ctx, missing) })
}

func (m Machine) buildPrograms(ctx context.Context) (binary.Set, error) {
	programs, built, err := binary.Built(m.Cache, m.Source)
	if err != nil || built {
		return programs, err
	}
	m.Report.Say("building Kubernetes %s: ten minutes on two cores with a cold Go build cache", binary.KubernetesVersion)
	err = m.Report.Step("programs", func() error {
		programs, err = binary.Build(ctx, m.Cache, m.Source)
		return err
	})
	return programs, err
}

func (m Machine) seed(ctx context.Context, programs binary.Set) (seed string, err error) {
	builder, err := m.Builder(programs)
	if err != nil {
		return "", err
	}
	err = m.Report.Step("engine images", func() error {
		names, err := builder.Build(ctx, builder.Engines())
		if err != nil {
			return err
		}
		seed, err = builder.Seed(ctx, names)
		return err
	})
	return seed, err
}

// claim holds the lock until the bridge, which is the claim that others see, is there.
func (m Machine) claim(wanted instance.Instance) (instance.Instance, error) {
	unlock, err := m.lock()
	if err != nil {
		return instance.Instance{}, err
	}
	defer unlock()
	claimed, err := instance.Claim(wanted, network.InUse)
	if err != nil {
		return instance.Instance{}, err
	}
	return claimed, m.Report.Step("network "+claimed.Subnet().String(), func() error { return network.Up(claimed) })
}

// start runs control plane and containerds side by side, then what needs both.
func (c *Cluster) start(ctx context.Context, seed string) error {
	group, groupCtx := errgroup.WithContext(ctx)
	group.Go(func() error { return c.startControlPlane(groupCtx) })
	for _, node := range c.EachNode() {
		group.Go(func() error { return c.startRuntime(groupCtx, node, seed) })
	}
	if err := group.Wait(); err != nil {
		return err
	}
	for _, node := range c.EachNode() {
		if err := c.startAgents(node); err != nil {
			return err
		}
	}
	group, groupCtx = errgroup.WithContext(ctx)
	group.Go(func() error { return c.awaitNodes(groupCtx) })
	group.Go(func() error { return c.awaitDNS(groupCtx) })
	group.Go(func() error { return c.awaitControllers(groupCtx) })
	return group.Wait()
}
