// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package e2e sees AtlasDB work: a real Kubernetes of three nodes, real kubelets, a real PostgreSQL, a real client.
//
// `make e2e` brings the cluster up, installs AtlasDB from its own image and runs the tests. They wait on conditions,
// each with a deadline; a test that fails prints the objects, events and logs of its namespace first. Tests that count
// requests read the API server's audit log, whose path is in ATLASDB_AUDIT_LOG.
//
// Read lifecycle_test.go first; frame_test.go holds what the tests share.
package e2e
