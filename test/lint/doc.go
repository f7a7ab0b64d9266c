// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package lint proves that the import rules of .golangci.yaml bite. A rule whose file pattern matches nothing is
// silent, and so is one that nobody breaks; testdata/module breaks each of them, and each line that does so says it.
//
// What the two programs link in the end, however indirectly, no linter of imports can see; links_test.go asks the Go
// toolchain.
package lint
