// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package redis is the driver of Redis and Valkey: the only code of AtlasDB that speaks to such a server, and that
// touches its files. It does what it is told and decides nothing; the decisions are in pkg/engine/redis.
//
// # How far data goes
//
// An election compares positions, and a Redis server has none that outlive it: it counts the bytes of a history, which
// gets another name at each start and each promotion, and a count that begins at 0 when the server was started from its
// append-only file. So a position here is a base and the server's offset, and the base belongs to the history
// (history.go):
//
//   - A server that was started from the disk is where the state on the volume says, at least (volume.go).
//   - A promotion changes the name of the history and leaves the count and the base.
//   - A primary tells its history's name and base to those that follow it (PeerState). A follower has its old position
//     until its data is of the history that it was told: before that it still has its old data, or half of a copy.
//
// A primary that never had a replica since it was started does not count at all. Its position stands where it is, which
// is too little and never too much; its first replica gets a copy of everything, and from then on it counts.
//
// The state is followed about once a second, when the data grows (mark.go): of what INFO calls written, the files are
// flushed, by the agent, and only then the position is noted. Nothing is noted while the append-only file is rewritten,
// since after a copy the disk has the old data until that is done. So a crash at any moment leaves a state that claims
// no more than the disk has. Before a server follows anybody, the state is lowered to what both have (redis.Shared).
//
// # A replica of nobody
//
// Every server starts as a replica of a port on which nobody listens. It accepts no writes, receives nothing, keeps its
// history, and can go on where it was, as a replica of another or as a primary. That is what a vote rests on: when
// REPLICAOF returns, the server has dropped whatever it had read and not applied.
//
// # Why not FAILOVER
//
// Redis has a command that hands over: it holds writes up, waits until the replica has everything, tells it to promote
// itself, and follows it. Here the Lease has to change hands between the demotion of the one and the promotion of the
// other: a primary that is promoted by its predecessor would accept writes without holding it, and nothing would kill
// it in time. So Demote does the first half in the same way and ends as a replica of nobody, the election goes on from
// there (the successor must confirm that it has everything), and Promote does the rest. Who resigned goes on without a
// copy.
//
// # Safety rules
//
//   - The volume's lock is taken before anything on it is looked at, and handed to the server. What a dead server has
//     left behind is ended before another begins (Observe, bury).
//   - The lineage of a promotion is on the disk before the first write, and whatever ends that the data is exact is
//     there before anything is received or written (Promote, Follow).
//   - A server that leads has all that it acknowledged in its memory. When it dies, or ends without having written that
//     down, its data is not a primary's any more (Volume.Standby), and the election lets it stand against its replicas.
//   - What a server says of itself is taken whole or not at all: a line of INFO that is missing or cannot be read is an
//     error and never a zero, since an offset of zero is a position that a member could be elected by.
//   - The offset of a server that loads is not that of the data that it has (info.go).
//   - A server starts with the form in which its data is on the disk, whatever the plan wants it to write: with an
//     append-only file that is not there yet it would start empty (configure.go).
//   - Users are changed one by one: to load their file anew ends every session, also those of the replicas (users.go).
//   - No secret is in an argument, an environment or a log. The password of the agent's own user is of one life of the
//     agent; the members' password is in a file of mode 0600 in a directory of mode 0700.
//   - A scrape has a connection of its own and is bounded in time: a server that hangs holds up nobody (metrics.go).
//
// With shards the driver is another (cluster.go): it starts the same server, and carries out what the pure half says
// that a member has to do for its cluster (cluster_tend.go). When its server dies as a primary, it sees to it that a
// replica takes over (cluster_rest.go).
//
// Read driver.go, then observe.go and history.go for what the election learns, execute.go and demote.go for the steps,
// mark.go for what is on the disk, and tend.go. info.go is what a server tells, metrics.go what Prometheus sees of it.
package redis
