// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package conditions keeps lists of metav1.Condition in order. It is pure: the time of a transition is part of the
// condition that is passed in, so the same pass gives the same status.
//
// What a condition says is decided where the facts are known, in the controllers. Read conditions.go.
package conditions
