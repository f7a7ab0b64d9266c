// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package resource builds the Kubernetes objects of one DatabaseCluster: one function per object, each returning the
// apply configuration with just the fields that AtlasDB cares about.
//
// It is pure: the same cluster gives the same bytes. That is what lets the controller compare what it wants with what
// its informers hold, and write nothing when they agree. Three rules keep that comparison from differing for ever:
//
//   - a field is left out where AtlasDB has no opinion, so that a default of the server never counts as a difference;
//   - no field carries a zero value that the server would drop;
//   - a list that the server treats as one piece (ports of a NetworkPolicy, fieldRef of a variable) carries the values
//     that the server would add by default.
//
// Names and labels tie the objects together and are part of the API: a changed one loses running databases. Nothing
// here knows an engine; what differs between engines comes in as engine.Traits.
//
// The agent imports this package for the paths and ports of its pod. Read names.go first, then pod.go.
package resource
