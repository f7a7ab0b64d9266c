// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
)

const (
	// nameAnnotation is where containerd reads an image's full name on import.
	nameAnnotation = "io.containerd.image.name"
	// shortAnnotation is the name in the catalogue.
	shortAnnotation = "io.atlasdb.localkube.name"
	// keyAnnotation says what the image was made from.
	keyAnnotation = "io.atlasdb.localkube.key"
)

// ErrAbsent is returned for an image that has not been built.
var ErrAbsent = errors.New("image is not built")

// Store is an OCI layout of all images that were built on this machine.
type Store struct {
	layout layout.Path
	cache  string
}

// Open opens the store in the cache, or makes it.
func Open(cache string) (*Store, error) {
	folder := filepath.Join(cache, "images")
	path, err := layout.FromPath(folder)
	if errors.Is(err, fs.ErrNotExist) {
		path, err = layout.Write(folder, empty.Index)
	}
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return &Store{layout: path, cache: cache}, nil
}

// entries lists the names in the store.
func (s *Store) entries() ([]v1.Descriptor, error) {
	index, err := s.layout.ImageIndex()
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, fmt.Errorf("image store: %w", err)
	}
	return manifest.Manifests, nil
}

// Find returns the full names of the built images of the short names, or of all images. The error wraps ErrAbsent when
// one of them is not built.
func (s *Store) Find(names []string) ([]string, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, err
	}
	var full []string
	built := map[string]bool{}
	for _, entry := range entries {
		short := entry.Annotations[shortAnnotation]
		built[short] = true
		if len(names) == 0 || slices.Contains(names, short) {
			full = append(full, entry.Annotations[nameAnnotation])
		}
	}
	for _, name := range names {
		if !built[name] {
			return nil, fmt.Errorf("%w: %s", ErrAbsent, name)
		}
	}
	return full, nil
}

// builtFrom lists the full names of the images that were made from that key.
func (s *Store) builtFrom(key string) ([]string, error) {
	entries, err := s.entries()
	if err != nil {
		return nil, err
	}
	var names []string
	for _, entry := range entries {
		if entry.Annotations[keyAnnotation] == key {
			names = append(names, entry.Annotations[nameAnnotation])
		}
	}
	return names, nil
}

// put replaces all images of the short name by this one; content without a name left is removed.
func (s *Store) put(image v1.Image, short, key string, names []string) error {
	if err := s.layout.RemoveDescriptors(match.Annotation(shortAnnotation, short)); err != nil {
		return fmt.Errorf("replace image %s: %w", short, err)
	}
	for _, name := range names {
		annotations := map[string]string{nameAnnotation: name, shortAnnotation: short, keyAnnotation: key}
		if err := s.layout.AppendImage(image, layout.WithAnnotations(annotations)); err != nil {
			return fmt.Errorf("store image %s: %w", name, err)
		}
	}
	unused, err := s.layout.GarbageCollect()
	if err != nil {
		return fmt.Errorf("collect unused content: %w", err)
	}
	for _, digest := range unused {
		if err := s.layout.RemoveBlob(digest); err != nil {
			return fmt.Errorf("collect unused content: %w", err)
		}
	}
	return nil
}

// archive writes the named images as an OCI archive.
func (s *Store) archive(out io.Writer, names []string) error {
	all, err := s.entries()
	if err != nil {
		return err
	}
	chosen := slices.DeleteFunc(all, func(entry v1.Descriptor) bool {
		return !slices.Contains(names, entry.Annotations[nameAnnotation])
	})
	if len(chosen) != len(names) {
		return fmt.Errorf("%w: %d of %v are in the store", ErrAbsent, len(chosen), names)
	}
	index, err := json.Marshal(v1.IndexManifest{SchemaVersion: 2, Manifests: chosen})
	if err != nil {
		return err
	}
	archive := tar.NewWriter(out)
	if err := addBytes(archive, "oci-layout", []byte(`{"imageLayoutVersion":"1.0.0"}`)); err != nil {
		return err
	}
	if err := addBytes(archive, "index.json", index); err != nil {
		return err
	}
	blobs, err := s.blobs(chosen)
	if err != nil {
		return err
	}
	for _, blob := range blobs {
		if err := s.addBlob(archive, blob); err != nil {
			return err
		}
	}
	return archive.Close()
}

// blobs lists what the images consist of, each once.
func (s *Store) blobs(images []v1.Descriptor) ([]v1.Hash, error) {
	var blobs []v1.Hash
	for _, entry := range images {
		image, err := s.layout.Image(entry.Digest)
		if err != nil {
			return nil, err
		}
		manifest, err := image.Manifest()
		if err != nil {
			return nil, err
		}
		blobs = append(blobs, entry.Digest, manifest.Config.Digest)
		for _, layer := range manifest.Layers {
			blobs = append(blobs, layer.Digest)
		}
	}
	slices.SortFunc(blobs, func(a, b v1.Hash) int { return strings.Compare(a.Hex, b.Hex) })
	return slices.Compact(blobs), nil
}

func (s *Store) addBlob(archive *tar.Writer, digest v1.Hash) error {
	name := filepath.Join("blobs", digest.Algorithm, digest.Hex)
	file, err := os.Open(filepath.Join(string(s.layout), name))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // only read
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: info.Size()}); err != nil {
		return err
	}
	_, err = io.Copy(archive, file)
	return err
}

func addBytes(archive *tar.Writer, name string, content []byte) error {
	if err := archive.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(content))}); err != nil {
		return err
	}
	_, err := archive.Write(content)
	return err
}
