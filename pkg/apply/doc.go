// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package apply carries wanted objects to the API server, and only where something differs.
//
// Three rules keep it safe and silent:
//
//   - What is wanted is compared with the informer's copy first (diff.go). Equal means no request at all: a
//     server-side apply that changes nothing is still a request, and a thousand clusters resync at once.
//   - The first write of an object is a Create (writer.go). Server-side apply would merge our fields into a stranger's
//     object of the same name; Create says AlreadyExists, and one GET by name tells whose it is.
//   - Later writes are server-side apply with the UID of the object that was compared, so that an object that was
//     deleted and made anew in between is not touched by a decision about its predecessor.
//
// The comparison looks only at fields that we want. It does not use the generated Extract functions: they read the
// managed fields of an earlier apply and find nothing after a Create.
//
// One trap remains with fields that were written by a Create: server-side apply never removes them, because they are
// owned by another operation of the same manager. Where a field must be removable, it is left out of the Create and
// added by the apply that follows; the owner reference of a volume is the one case (see
// pkg/controller/databasecluster/decide_volumes.go).
//
// Read diff.go next, then writer.go.
package apply
