// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package databaseoperation follows every DatabaseOperation from its begin to its end.
//
// It carries nothing out. An operation that has begun (status.startTime, no status.completionTime) is part of the
// snapshot of its cluster, and package databasecluster makes it part of the plan or of a rolling change. Here it is
// found out when an operation may begin, whether it is done, and when it has failed. To end it is to take it out of
// the plan: that is all the rollback that there is, and all that is needed, since each verb is one that the members
// either complete or call off by themselves.
//
// Its safety rules:
//
//   - One operation of a cluster at a time, the oldest first. Should two have begun all the same, the older one counts.
//   - What would be unsafe is refused with a reason, at once and for good: nobody should find a database switched over
//     an hour after asking. What the members find out later ends it just so.
//   - Whether it is done is read from the members' reports, never from a clock but the one of its timeout.
//   - It belongs to its cluster before it begins, so that none outlives it.
//
// Read decide.go for an operation's life, then verbs.go for what each type refuses and calls done. The files are named
// as in databasecluster.
package databaseoperation
