// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package frame is what tests on a real Kubernetes stand on: clients and a namespace of their own, waits that watch
// with a deadline, the way of an application to a database, the API server's audit log, faults, and a dump of
// everything when a test has failed.
//
// Where the cluster is comes from the environment, which the scripts in hack set:
//
//   - KUBECONFIG leads to it. When the kubeconfig is one of localkube, applications are played from this machine, which
//     has a route to the Service network; elsewhere each of their connections is forwarded by kubectl.
//   - KUBECTL is the path of kubectl, else the one in PATH.
//   - ATLASDB_AUDIT_LOG is the API server's audit log. Without it nobody can count requests, and tests that must are
//     skipped.
//   - LOCALKUBE is the path of localkube. Without it, or elsewhere, no node can be lost, and tests that must lose one
//     are skipped.
//
// Read frame.go first, then await.go.
package frame
