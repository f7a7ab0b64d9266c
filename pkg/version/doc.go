// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package version says which build of AtlasDB is running.
//
// A release is built with
//
//	-ldflags "-X github.com/atlasdb/atlasdb/pkg/version.version=v0.1.0
//	          -X github.com/atlasdb/atlasdb/pkg/version.commit=…"
//
// A build without these flags answers with what the Go toolchain recorded, so that a developer's binary is never
// mistaken for a release.
//
// Everything is in version.go.
package version
