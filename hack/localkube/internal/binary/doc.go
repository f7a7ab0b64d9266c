// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package binary builds the programs of the cluster from the Go module that is part of this very executable, once per
// content of it and version of Go.
package binary
