// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// fileLayer is a layer that is a tar file as it lies on the disk. The library's own layers compress whatever they get.
type fileLayer struct {
	path   string
	digest v1.Hash
	size   int64
}

var _ v1.Layer = fileLayer{}

func newFileLayer(path string) (fileLayer, error) {
	file, err := os.Open(path)
	if err != nil {
		return fileLayer{}, err
	}
	defer file.Close() //nolint:errcheck // only read
	digest, size, err := v1.SHA256(file)
	return fileLayer{path: path, digest: digest, size: size}, err
}

// Digest is the digest of the file.
func (l fileLayer) Digest() (v1.Hash, error) { return l.digest, nil }

// DiffID is the same, as nothing is compressed.
func (l fileLayer) DiffID() (v1.Hash, error) { return l.digest, nil }

// Compressed opens the file.
func (l fileLayer) Compressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Uncompressed opens the file.
func (l fileLayer) Uncompressed() (io.ReadCloser, error) { return os.Open(l.path) }

// Size is the file's size in bytes.
func (l fileLayer) Size() (int64, error) { return l.size, nil }

// MediaType says that nothing is compressed.
func (l fileLayer) MediaType() (types.MediaType, error) { return types.OCIUncompressedLayer, nil }
