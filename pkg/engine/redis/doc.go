// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package redis is the pure half of AtlasDB's Redis: which specs are good, how a member is configured, and what its
// users may do. Valkey is the same to it. The driver that speaks to the server is pkg/agent/redis.
//
// # What the configuration is computed from
//
// M is the memory limit of a member, or its request where there is no limit. What is not named here is a constant
// (parameters.go) or stays at the server's own default.
//
//	maxmemory                   2/3 of (M - 64Mi - the replicas' buffer), in whole mebibytes
//	client-output-buffer-limit  of replicas: M/8, from 16mb to 1gb ("the replicas' buffer"); half of it for over 60 s
//	repl-backlog-size           M/32, from 1mb to 512mb; it is a part of maxmemory
//	maxmemory-policy            noeviction, until a user says that the data is a cache
//	appendonly, save            by spec.redis.persistence: AOF, RDB (3600 1 300 100 60 10000) or None
//
//	M        maxmemory   replicas' buffer   backlog
//	128Mi    32 MiB      16 MiB             4 MiB
//	512Mi    256 MiB     64 MiB             16 MiB
//	1Gi      554 MiB     128 MiB            32 MiB
//	4Gi      2346 MiB    512 MiB            128 MiB
//	64Gi     42965 MiB   1 GiB              512 MiB
//
// The 64Mi are for the agent and a server without data. The third that stays free is for copy-on-write: a snapshot, a
// rewrite of the log and a copy for a replica are written by a child process, and each page that changes meanwhile is
// in memory twice. Half of the data may change during one snapshot; an application that changes more, or keeps fewer
// but larger values, sets maxmemory itself, up to all that is not AtlasDB's. Members and persistence do not count:
// either can change while the data stays, and data that fitted must not stop to fit.
//
// A user sets what the table of directives lists (parameters_table.go) and nothing else: a server with one line that it
// does not know, or does not like, does not start. What AtlasDB owns is refused with the reason (parameters_owned.go).
//
// The volume must hold the log twice, for as long as it is being rewritten, and a snapshot beside it, for as long as a
// replica receives one: three times maxmemory is on the safe side.
//
// # What changes while the server runs
//
// All that NeedsRestart does not name, spec.redis.persistence included; Changes tells the two apart. A parameter that a
// user takes back waits for a restart: the server's own default is known only to a start.
//
// # What a member does next
//
// The rules are those of any engine whose primary holds a Lease, with three of Redis' own (converge.go). A replica that
// follows gives up whatever its primary does not have, down to everything: this is how operators of Redis lose data,
// when a primary comes back empty and its replicas do as they are told. So a member follows only a primary that was
// promoted in the very tenure of the Lease and has the cluster's system ID, and a primary that died does not lead on:
// it stands for election with what is on its disk, against replicas that have more.
//
// Rewinding and copying are no steps of their own: the server finds out by itself what it lacks, and takes the changes
// or a copy of everything. What a member without data has is nothing (Volume.Broken), until its first copy is on the
// disk.
//
// # With shards: a Redis Cluster
//
// The servers gossip, notice who is gone and vote by themselves; there is no Lease and no fence. What they do not do by
// themselves are the moves of a member for its cluster (cluster_moves.go), which are few, and can each be done again:
// the members meet by host name, the plan's initialiser gives every slot to a first owner once, replicas follow their
// shard's primary, slots go from the shards that have too many to those that have too few, and nodes that are gone are
// forgotten. A slot is sent with its keys by the agent of its owner; whoever dies in between, the other side still
// knows.
//
//   - There is never a second cluster: only the initialiser claims slots, only while the plan has no system ID, and
//     only slots that nobody owns. An empty volume joins, and owns nothing.
//   - Two clusters never become one, although addresses are used again: the bus wants a certificate of the cluster's
//     own authority from both sides.
//   - A primary that died is not started again at once: its replicas may have what its disk has not, and it would have
//     them throw that away. It comes back when one of them leads, or when none did in time.
//   - A server that owns slots is never made a replica, and a node that owns slots is never forgotten.
//   - Nobody sends slots who receives some. A slot that comes makes the epoch of its new owner the highest, and what
//     that one gave away in the same moment would be believed to be its own by all but itself.
//
// # Who takes the place of a primary that died
//
// The gossip needs the node timeout to notice that a server is gone, and then the votes: 7 to 11 s. The agent sees its
// server die at once, so it asks a replica to stand for election with CLUSTER FAILOVER FORCE (cluster_heir.go). This is
// sound for these reasons:
//
//   - FORCE skips the handshake with the primary, which is dead, and not the vote: a majority of the primaries must
//     still agree, and a second one of the same shard is not voted for in the same epoch. TAKEOVER would skip the
//     vote too. It could make two primaries of two halves that do not see each other, and is never used.
//   - The primary is certainly dead: it was the agent's own child, and nothing of it is left on the volume.
//   - FORCE also skips the replica's own look at how old its data is, so this is done here. Asked is one that was level
//     when the primary was seen last, that has its history, and that has read the primary's last words to their end; of
//     several the one that has most.
//   - Others vote for one in the place of the same primary once in twice the node timeout, and a replica stands once in
//     four times that. A request in that time would fail; so it is not made, and planned handovers wait as well.
//   - When it fails all the same, nothing is lost but time: the gossip and the servers' own election go on.
//
// Where agent and server die together, as with their node, nobody knows earlier than the gossip. To start the server
// again in place would be faster and lose what was acknowledged since the last flush, up to a second of it, which
// replicas have.
//
// A primary that sees no majority for 5 s takes no more writes; until then it acknowledges what may be lost, and
// replication is asynchronous before that. So this is BoundedLoss, as without shards.
//
// # Safety rules
//
//   - Who holds data follows a promoted primary of the same data, and nobody else.
//   - Who has forgotten what it acknowledged in a tenure does not lead again in it.
//   - A member is promoted, and votes, while it receives from nobody and its position stands still.
//   - A value reaches the file only escaped (config.go): the server reads back what was written, and no value can add a
//     line.
//   - Whatever decides about durability, replication, persistence, identity or encryption is not the user's to set.
//   - The user default is off. An application may do anything with its keys and nothing with the server (acl.go).
//   - No password is ever written: not to the plan and not to the file of users, which have its SHA-256. What members
//     say to each other is the one exception, since Redis can only be told it in plain: the driver reads it from the
//     Secret that only members mount.
//
// Read engine.go, parameters.go, config.go and acl.go in this order, then converge.go; for shards cluster_nodes.go,
// cluster.go, cluster_moves.go, cluster_heir.go and cluster_rules.go.
package redis
