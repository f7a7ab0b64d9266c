// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// The full names of the images that are not an engine's.
const (
	// Pause holds a pod's namespaces open.
	Pause = "localhost/pause:1"
	// Project holds the operator and the agent.
	Project = "localhost/atlasdb:dev"
)

// ErrUnknown is returned for a name that is not in the catalogue.
var ErrUnknown = errors.New("unknown image")

// Builder builds images into a store. Only one process on the machine may do so at a time.
type Builder struct {
	Store *Store
	// Pause is the path of the pause program.
	Pause string
	// Project is the checkout that the project's own image is built from.
	Project string
	// Say tells a person what takes long.
	Say func(format string, values ...any)
}

// recipe makes one image.
type recipe struct {
	// name is the short name on the command line.
	name string
	// key names everything that the image is made from; empty when only making it can tell.
	key func() (string, error)
	// make returns the image and its full names. work is a folder for the time of the call.
	make func(ctx context.Context, work string) (v1.Image, []string, error)
}

// Names lists the short names of all images, the engines' before what is built from the checkout.
func (b Builder) Names() []string {
	var names []string
	for _, r := range b.recipes() {
		names = append(names, r.name)
	}
	return names
}

// Engines lists the short names of what a node needs before anybody deploys anything.
func (b Builder) Engines() []string {
	own := FromCheckout()
	return slices.DeleteFunc(b.Names(), func(name string) bool { return slices.Contains(own, name) })
}

// FromCheckout lists the short names of what is built from the checkout, and so is no part of what all nodes start
// with.
func FromCheckout() []string {
	names := []string{ProjectName}
	for _, s := range standIns() {
		names = append(names, s.name())
	}
	return names
}

// engines lists the database servers that images are made of. Debian decides which builds those are.
func engines() []engine {
	return []engine{
		postgreSQL("17", "trixie"), postgreSQL("15", "bookworm"),
		redis("redis", "7"), redis("valkey", "8", "backports"),
		clickHouse("18"), zooKeeper("3"),
	}
}

func (b Builder) recipes() []recipe {
	recipes := []recipe{b.pause()}
	for _, e := range engines() {
		recipes = append(recipes, b.engine(e))
	}
	for _, s := range standIns() {
		recipes = append(recipes, b.standIn(s))
	}
	return append(recipes, b.project())
}

// Build builds the named images unless the store has them from the same key, and returns their full names.
func (b Builder) Build(ctx context.Context, names []string) ([]string, error) {
	var full []string
	for _, name := range names {
		at := slices.IndexFunc(b.recipes(), func(r recipe) bool { return r.name == name })
		if at < 0 {
			return nil, fmt.Errorf("%w: %s is none of %v", ErrUnknown, name, b.Names())
		}
		built, err := b.build(ctx, b.recipes()[at])
		if err != nil {
			return nil, fmt.Errorf("image %s: %w", name, err)
		}
		full = append(full, built...)
	}
	return full, nil
}

func (b Builder) build(ctx context.Context, r recipe) ([]string, error) {
	key, err := r.key()
	if err != nil {
		return nil, err
	}
	if key != "" {
		if names, err := b.Store.builtFrom(key); err != nil || len(names) > 0 {
			return names, err
		}
	}
	work, err := os.MkdirTemp(b.Store.cache, "image-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a cache may keep rubbish
	image, names, err := r.make(ctx, work)
	if err != nil {
		return nil, err
	}
	return names, b.Store.put(image, r.name, key, names)
}
