// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package v1alpha1 is the whole API of AtlasDB: what a user writes, what the platform offers and what the
// operator reports.
//
//   - DatabaseCluster (adb) is the one object a user creates, for every engine.
//   - DatabaseEngine (adbe) is the platform's offer: the versions of one engine and the images they run.
//   - DatabaseOperation (adbo) is a verb without a steady state, such as a switchover.
//
// The rules a user can break are CEL in the markers of these types, so they hold with the operator down and need
// no webhook. What CEL cannot see (does this version exist?) the controller judges and reports in the condition
// Accepted. Computed values go to status and are never written back into spec: GitOps tools see no drift.
//
// Read databasecluster_types.go first (its enums are in databasecluster_enums.go), then conditions.go for the
// vocabulary of status and labels.go for the names that tie a cluster's objects together.
//
// +k8s:deepcopy-gen=package
// +groupName=atlasdb.io
// +groupGoName=AtlasDB
package v1alpha1
