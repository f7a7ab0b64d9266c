// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package image makes container images without a registry and without Docker, keeps them in one OCI layout in the
// cache, and brings them into the nodes.
//
// An engine's image is a Debian root file system: one base layer per suite, shared by all engines of that suite, and
// a thin layer with what the engine adds. User ids, paths and environment are the vendor image's, so that manifests
// for the one run on the other. Layers are not compressed: nothing is ever sent over a wire, and two cores would
// spend seconds per image on it.
//
// Nodes start with a copy of a seed: a containerd folder with all engine images unpacked once, shared by hard links.
//
// Read catalogue.go, then store.go, engine.go and load.go.
package image
