// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// static makes an image of nothing but static programs, each at the root under its own name.
func static(work string, config v1.Config, programs ...string) (v1.Image, error) {
	path := filepath.Join(work, "programs.tar")
	if err := tarFiles(path, "", programs); err != nil {
		return nil, err
	}
	return assemble(config, path)
}

// tarFiles makes a layer that has the files in one folder.
func tarFiles(path, folder string, files []string) error {
	out, err := os.Create(path)
	if err != nil {
		return err
	}
	defer out.Close() //nolint:errcheck // closed below on success
	archive := tar.NewWriter(out)
	for _, file := range files {
		if err := addFile(archive, folder, file); err != nil {
			return fmt.Errorf("add %s: %w", file, err)
		}
	}
	if err := archive.Close(); err != nil {
		return err
	}
	return out.Close()
}

// addFile leaves time and owner out, so that the same file is the same layer.
func addFile(archive *tar.Writer, folder, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	name := filepath.Join(folder, filepath.Base(path))
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o755, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

// assemble makes an image of layers that lie in tar files, the lowest first.
func assemble(config v1.Config, layers ...string) (v1.Image, error) {
	image := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	for _, path := range layers {
		layer, err := newFileLayer(path)
		if err != nil {
			return nil, fmt.Errorf("layer %s: %w", path, err)
		}
		if image, err = mutate.AppendLayers(image, layer); err != nil {
			return nil, fmt.Errorf("layer %s: %w", path, err)
		}
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Config = "linux", "amd64", config
	return mutate.ConfigFile(image, file)
}
