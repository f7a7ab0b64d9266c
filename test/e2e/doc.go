// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e sees AtlasDB work: a real Kubernetes of three nodes, real kubelets, a real PostgreSQL, a real client.
//
// What every engine promises alike is in conformance. Here is the rest: what AtlasDB does around an engine (objects
// that come back, troubles that are told, an operator that dies, silence over many clusters), and what one engine has
// of its own.
//
// `make e2e` brings the cluster up, installs AtlasDB from its own image and runs the tests. They wait on conditions,
// each with a deadline; a test that fails prints the objects, events and logs of its namespace first. Tests that count
// requests read the API server's audit log.
//
// Read lifecycle_test.go first; fixture_test.go and the package frame hold what the tests share.
package e2e
