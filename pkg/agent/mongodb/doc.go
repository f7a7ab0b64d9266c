// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package mongodb is the driver of MongoDB: the only code of AtlasDB that speaks to a mongod, and that touches its
// files. The decisions are in pkg/engine/mongodb; the servers elect by themselves, and what makes one replica set of
// them is tended while they run.
//
// # Who the agent is
//
// To a server the agent is a member: it logs in as members do to each other, with what is in the keyfile (connect.go).
// So it may look at a server that has no data yet, copies it or takes it back, no user of its is replicated, and nobody
// has to make one before there is a primary. Its own server it reaches at 127.0.0.1, with TLS as everybody else.
//
// # When somebody is elected
//
// The client library keeps a hello open at the own server, which answers in the moment in which it becomes something
// else. That wakes the agent (Changes), which looks (observe.go) and puts the label on or takes it off. Nothing waits
// for a tick.
//
// A primary that dies would be missed by the others only after their election timeout. Its agent knows at once, and
// asks the member that goes furthest to stand (rest.go); that one still needs the votes of a majority. Nothing waits
// for the election: what a majority had is with whoever is elected, and what no majority had the server takes back.
//
// # Begun once
//
// A second set would be a second database of the same name, and whoever asks would find the one or the other. So a set
// is begun (membership.go) only by the plan's initialiser, while the plan knows of no data; on a volume that this agent
// made empty for this very cluster and on which no server was in a set (volume.go); when the server says that it has no
// configuration; and after every other member that answers has said the same. That it is about to is on the disk
// before. Whenever the member dies meanwhile, its server's own configuration says afterwards whether it was. Others are
// added only when the plan has the identity of that set, by its primary.
//
// A member that comes back with an empty volume copies everything from the others. Its vote it gives back first
// (amnesia.go): it has forgotten what it acknowledged.
//
// # Safety rules
//
//   - The volume's lock is taken before anything on it is looked at, and handed to the server (pkg/agent/volume).
//   - A configuration is changed at the primary alone, by one move at a time, one version at a time, and never by
//     force. What the configuration has beyond what AtlasDB knows stays.
//   - replSetStepDown is never forced, and is not even asked for while no other is caught up: writes would wait for
//     nothing (handover.go).
//   - The data of a server that was primary when it was seen last is not thrown away for a new copy.
//   - No secret is in an argument, an environment or a log. Keyfile and private key lie in memory, for the agent's user
//     alone; users come as what proves their password.
//   - Applications are not kept out of a member that was primary a moment ago (Observation.Closed): it refuses their
//     writes, and their driver finds the new one by itself.
//
// Read driver.go, observe.go and view.go, then tend.go and membership.go, handover.go and rest.go. replies.go is what
// servers answer, with the page of the manual for each; metrics.go what Prometheus sees.
package mongodb
