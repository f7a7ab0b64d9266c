// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package databaseoperation answers every DatabaseOperation.
//
// This version of AtlasDB carries out none of the verbs yet. It says so on the object, at once and for good, because an
// operation that nobody answers looks like one that is about to happen: Accepted is False with reason Unsupported,
// Failed is True, and nothing has been touched. A finished operation is deleted when its time to live has passed.
//
// Read decide.go for what is decided, controller.go for how. The files are named as in databasecluster.
package databaseoperation
