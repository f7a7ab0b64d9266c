// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package pki makes the cluster's certificate authority, certificates and kubeconfigs. What exists is kept, so that a
// second `up` and a restarted node go on with the same identities.
//
// Read authority.go, then kubeconfig.go.
package pki
