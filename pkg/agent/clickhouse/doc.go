// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package clickhouse is the driver of ClickHouse and of its keepers (ClickHouse Keeper or ZooKeeper): the only code of
// AtlasDB that speaks to such servers, and that touches their files. What a member does next is decided in
// pkg/engine/clickhouse, and what its files say is rendered there.
//
// A server has nobody to follow. It takes writes while the keepers have a quorum, and fetches from its siblings what it
// lacks; so there is little to do to one, and most of this package looks.
//
// # Is it level
//
// A table is as far behind as the oldest change that it has not got is old (system.replicas). That alone says nothing:
// in a member that waits for a part which nobody has any more it grows for ever, and without keepers too. So a table
// lags only behind a sibling that is further (clickhouse.Lagging), the most recent one never does, and while the
// keepers have no quorum a member stays what it was: reads go on, writes are refused, and the report says why
// (observe.go).
//
// # The schema
//
// A new member makes the tables that its siblings have, once, and notes on the volume that it had them all. From then
// on it makes none: statements ON CLUSTER reach it by the keepers' queue, and a table that it lacks may have been
// dropped here a moment before it is dropped there. What differs is reported (school.go). Where databases are
// Replicated the
// server does all of it by itself.
//
// # What a quorum decided
//
// A write whose quorum did not come is nobody's, once the replicas have agreed on that. A member that kept its part of
// one is made to give it up (quorum.go).
//
// # Who left
//
// The keepers remember the replicas of members that left, and keep the log of a table for them. The first member of a
// shard has them forgotten (sweep.go), and the first of all those of a whole shard (sweep_shards.go); and a member that
// comes back with an empty volume has its own former life forgotten first, since it would else be taken for that. A
// server that died without a word is there for them until its session ends; before the next one on the same volume
// starts, they are told that it is not (revive.go).
//
// # Safety rules
//
//   - The volume's lock is taken before anything on it is looked at, and handed to the server. What a dead server has
//     left behind is ended before another begins.
//   - A volume has a mark: which cluster's data it is, and of which member. Two servers of one name would destroy each
//     other's replicas, so another member's volume is foreign. Data without a mark is never thrown away.
//   - A replica is forgotten only when the plan does not have its member, or it is the member itself that asks, and
//     when no server is there for it. That a server is dead is told by who has the lock of its volume, by nobody else.
//   - No secret is in an argument, an environment or a log, and none is on a disk: what the server reads is in memory,
//     in files of mode 0600, and the copy that it makes of that is led there too. The agent's own user has a password
//     of one life of the agent, and comes in from this machine only.
//   - A server that dies before it takes a connection may have been given bad settings, and starts with the last good
//     ones; unless the keepers have no quorum, without which an old server does not start.
//   - A scrape has a connection of its own and is bounded in time: a server that hangs holds up nobody.
//
// Read driver.go, then observe.go, observe_keepers.go, rest.go, tend.go, configure.go, school.go, quorum.go, sweep.go,
// sweep_shards.go and revive.go; keeper.go is the other driver, words.go how keepers are asked. tenant.go and volume.go
// are what both have in common.
package clickhouse
