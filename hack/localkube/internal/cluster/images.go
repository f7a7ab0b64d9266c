// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/image"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

// BuildImages builds the images of the short names, or all, and returns their full names.
func (m Machine) BuildImages(ctx context.Context, names []string) ([]string, error) {
	unlock, err := m.lock()
	if err != nil {
		return nil, err
	}
	defer unlock()
	programs, err := m.buildPrograms(ctx)
	if err != nil {
		return nil, err
	}
	builder, err := m.Builder(programs)
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		names = builder.Names()
	}
	return builder.Build(ctx, names)
}

// LoadImages brings the built images of the short names, or all, into all nodes side by side.
func (c *Cluster) LoadImages(ctx context.Context, names []string) error {
	store, err := image.Open(c.Cache)
	if err != nil {
		return err
	}
	full, err := store.Find(names)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	for _, node := range c.EachNode() {
		group.Go(func() error {
			if err := store.Load(ctx, node.Socket(), full); err != nil {
				return fmt.Errorf("%s: %w", node.Name(), err)
			}
			return nil
		})
	}
	return group.Wait()
}

// loadProject loads those of the images from the checkout that were ever built. They are no part of the seed, since
// they change by the hour.
func (c *Cluster) loadProject(ctx context.Context, node instance.Node) error {
	store, err := image.Open(c.Cache)
	if err != nil {
		return err
	}
	var names []string
	for _, short := range image.FromCheckout() {
		full, err := store.Find([]string{short})
		if err != nil && !errors.Is(err, image.ErrAbsent) {
			return err
		}
		names = append(names, full...)
	}
	if len(names) == 0 {
		return nil
	}
	return store.Load(ctx, node.Socket(), names)
}
