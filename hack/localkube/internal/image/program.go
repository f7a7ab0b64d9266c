// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// ProjectName is the project image's short name.
const ProjectName = "atlasdb"

// ErrNoProgram is returned when the checkout lacks one of the project's programs.
var ErrNoProgram = errors.New("no such program in the checkout")

func (b Builder) pause() recipe {
	return recipe{
		name: "pause",
		key: func() (string, error) {
			content, err := os.ReadFile(b.Pause)
			return digest("pause", string(content)), err
		},
		make: func(_ context.Context, work string) (v1.Image, []string, error) {
			image, err := static(work, v1.Config{Entrypoint: []string{"/pause"}, User: "65535:65535"}, b.Pause)
			return image, []string{Pause}, err
		},
	}
}

// project always builds: the Go build cache knows better than any key of ours what has changed.
func (b Builder) project() recipe {
	return recipe{
		name: ProjectName,
		key:  func() (string, error) { return "", nil },
		make: func(ctx context.Context, work string) (v1.Image, []string, error) {
			var programs []string
			for _, name := range []string{"atlasdb-operator", "atlasdb-agent"} {
				program, err := b.compile(ctx, work, "cmd/"+name)
				if err != nil {
					return nil, nil, err
				}
				programs = append(programs, program)
			}
			config := v1.Config{Entrypoint: []string{"/atlasdb-operator"}, User: "65532:65532", WorkingDir: "/"}
			image, err := static(work, config, programs...)
			return image, []string{Project}, err
		},
	}
}

// compile builds the program of a folder of the checkout, under that folder's name.
func (b Builder) compile(ctx context.Context, work, source string) (string, error) {
	folder, name := filepath.Join(b.Project, source), filepath.Base(source)
	if _, err := os.Stat(folder); err != nil {
		return "", fmt.Errorf("%w: %s (name the checkout with --project)", ErrNoProgram, folder)
	}
	program := filepath.Join(work, name)
	command := exec.CommandContext(ctx,
		"go", "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", program, "./"+source)
	command.Dir = b.Project
	command.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", name, err, out)
	}
	return program, nil
}
