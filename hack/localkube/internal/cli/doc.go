// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package cli is the command line: it reads flags, calls package cluster and prints.
package cli
