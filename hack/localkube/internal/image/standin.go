// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// standIn is a simulated database server, built from the checkout, under the name that the real one has in its image.
// Its image says in its own name that it is one.
type standIn struct {
	repository, major string
	// sources are the folders of its program and of a client's, suite the Debian suite that they are put on, as an engine
	// would be.
	sources []string
	suite   string
	// version is the one that it says it is, in versionFile.
	version, versionFile string
	config               v1.Config
}

// standIns lists the servers that Debian does not have and that are simulated.
func standIns() []standIn {
	return []standIn{mongoDB("7.0", "7.0.24"), mongoDB("8.0", "8.0.13")}
}

// mongoDB follows the image docker.io/library/mongo, but for the user: any may run it, and AtlasDB says 999 as there.
func mongoDB(major, version string) standIn {
	return standIn{
		repository: "mongo-standin", major: major, suite: "bookworm",
		sources: []string{"test/standin/mongod", "test/standin/mongo-client"},
		version: version, versionFile: "mongod-standin-version",
		config: v1.Config{
			Cmd:          []string{"mongod"},
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			ExposedPorts: map[string]struct{}{"27017/tcp": {}},
			Volumes:      map[string]struct{}{"/data/configdb": {}, "/data/db": {}},
		},
	}
}

func (s standIn) name() string { return s.repository + ":" + s.major }

func (b Builder) standIn(s standIn) recipe {
	return recipe{
		name: s.name(),
		key: func() (string, error) {
			content, err := b.sourceDigest(s.sources)
			return digest(s.name(), s.suite, s.version, s.versionFile, fmt.Sprint(s.config), content), err
		},
		make: func(ctx context.Context, work string) (v1.Image, []string, error) {
			image, err := b.makeStandIn(ctx, s, work)
			return image, []string{"localhost/" + s.name()}, err
		},
	}
}

func (b Builder) makeStandIn(ctx context.Context, s standIn, work string) (v1.Image, error) {
	base, err := b.base(ctx, s.suite)
	if err != nil {
		return nil, err
	}
	var compiled []string
	for _, source := range s.sources {
		program, err := b.compile(ctx, work, source)
		if err != nil {
			return nil, err
		}
		compiled = append(compiled, program)
	}
	version := filepath.Join(work, s.versionFile)
	if err := os.WriteFile(version, []byte(s.version), 0o644); err != nil {
		return nil, err
	}
	programs, settings := filepath.Join(work, "program.tar"), filepath.Join(work, "settings.tar")
	err = errors.Join(
		tarFiles(programs, "usr/bin", compiled), tarFiles(settings, "etc", []string{version}))
	if err != nil {
		return nil, err
	}
	return assemble(s.config, base, programs, settings)
}

// sourceDigest names the content of folders, and the modules that it may use.
func (b Builder) sourceDigest(sources []string) (string, error) {
	hash := sha256.New()
	checkout := os.DirFS(b.Project)
	add := func(path string) error {
		content, err := fs.ReadFile(checkout, path)
		fmt.Fprintf(hash, "%s %d:%s", path, len(content), content)
		return err
	}
	err := errors.Join(add("go.mod"), add("go.sum"))
	for _, source := range sources {
		err = errors.Join(err, fs.WalkDir(checkout, source, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return add(path)
		}))
	}
	if err != nil {
		err = fmt.Errorf("%w: %q (name the checkout with --project): %w", ErrNoProgram, sources, err)
	}
	return hex.EncodeToString(hash.Sum(nil)), err
}
