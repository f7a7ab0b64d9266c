// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command atlasdb-operator makes DatabaseClusters be what their specs say.
//
// It speaks to the Kubernetes API alone: it opens no connection to a database and executes nothing in a pod. Several
// replicas may run; one holds the Lease and acts, the others keep their caches warm. Exit status 0 means that it was
// told to stop and left nothing half-done, 1 that it could not start or lost its Lease.
//
// Read app/server.go next: it puts everything together, in order.
package main
