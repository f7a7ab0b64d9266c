// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// scene is a state that a server can be in: how to bring one into it, and how that must read.
type scene struct {
	play func(*stage) *player
	is   func(Info) bool
}

// scenes are named as the files of testdata, which hold what Debian's servers said in them; only the name of the kernel
// and the path of the socket were made shorter.
var scenes = map[string]scene{
	"primary": {
		play: func(s *stage) *player {
			primary, _ := s.couple()
			primary.fill(3)
			return primary
		},
		is: func(i Info) bool {
			return i.Role == rolePrimary && !i.isReplica() && i.Upstream == Upstream{} && i.FormerEnd == -1 &&
				i.ConnectedReplicas == 1 && len(i.Replicas) == 1 && i.Replicas[0].Online() &&
				i.Replicas[0].Offset == i.Offset && i.Offset > 0
		},
	},
	"replica-up": {
		play: func(s *stage) *player {
			primary, replica := s.couple()
			primary.fill(3)
			return replica
		},
		is: func(i Info) bool {
			return i.isReplica() && i.LinkUp && !i.Syncing && i.IdleSeconds >= 0 && hasKeys(i) &&
				i.Offset > 0 && i.Offset == i.Applied && i.Applied == i.Received
		},
	},
	"replica-down": {
		play: func(s *stage) *player {
			primary, replica := s.couple()
			primary.fill(3)
			replica.await("the keys", hasKeys)
			primary.kill()
			return replica
		},
		// How far the last link got stays: it says nothing of a link now.
		is: func(i Info) bool {
			return i.isReplica() && !i.LinkUp && !i.Syncing && i.IdleSeconds == -1 && i.Offset > 0 && i.Received == i.Offset
		},
	},
	"syncing": {
		play: func(s *stage) *player {
			primary, replica := s.enter("orders-db-0", "--rdb-key-save-delay", "10000"), s.enter("orders-db-1")
			primary.fill(1000)
			replica.follow(primary)
			return replica
		},
		is: func(i Info) bool {
			return i.isReplica() && !i.LinkUp && i.Syncing && i.IdleSeconds == -1 && i.Offset == 0
		},
	},
	// Keys are there, and the offset is not yet theirs.
	"loading": {
		play: (*stage).enterLoading,
		is:   func(i Info) bool { return i.Loading && i.Role == rolePrimary && hasKeys(i) && i.Offset == 0 },
	},
}

func hasKeys(i Info) bool { return len(i.Databases) == 1 && i.Databases[0].Keys >= 3 }

// TestInfoOfServers holds the scenes to the servers that are here.
func TestInfoOfServers(t *testing.T) {
	t.Parallel()
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			onEachStage(t, func(s *stage) { scene.play(s).await(name, scene.is) })
		})
	}
}

// TestParseInfo holds them to what servers said that may not be here.
func TestParseInfo(t *testing.T) {
	t.Parallel()
	for directory, want := range map[string][2]string{
		"redis-7.0": {"redis", "7.0.15"}, "valkey-8.0": {"valkey", "8.0.1"},
	} {
		for name, scene := range scenes {
			t.Run(directory+"/"+name, func(t *testing.T) {
				t.Parallel()
				i := parsed(t, said(t, directory, name))
				if got := [2]string{i.Software, i.Version}; got != want || !scene.is(i) {
					t.Errorf("%q reads as %+v", got, i)
				}
			})
		}
	}
}

// numbers and words are where each line of INFO goes; of a word, the second value that it can have is given.
var (
	numbers = map[string]func(Info) int64{
		"server_time_usec":            func(i Info) int64 { return i.NowMicroseconds },
		"uptime_in_seconds":           func(i Info) int64 { return i.UptimeSeconds },
		"connected_clients":           func(i Info) int64 { return i.Connected },
		"blocked_clients":             func(i Info) int64 { return i.Blocked },
		"maxclients":                  func(i Info) int64 { return i.MaxClients },
		"used_memory":                 func(i Info) int64 { return i.UsedBytes },
		"used_memory_rss":             func(i Info) int64 { return i.ResidentBytes },
		"maxmemory":                   func(i Info) int64 { return i.LimitBytes },
		"rdb_last_save_time":          func(i Info) int64 { return i.LastSave },
		"rdb_changes_since_last_save": func(i Info) int64 { return i.Changes },
		"rdb_saves":                   func(i Info) int64 { return i.Saves },
		"total_commands_processed":    func(i Info) int64 { return i.Commands },
		"total_connections_received":  func(i Info) int64 { return i.Connections },
		"rejected_connections":        func(i Info) int64 { return i.RejectedConnections },
		"keyspace_hits":               func(i Info) int64 { return i.Hits },
		"keyspace_misses":             func(i Info) int64 { return i.Misses },
		"evicted_keys":                func(i Info) int64 { return i.Evicted },
		"expired_keys":                func(i Info) int64 { return i.Expired },
		"master_repl_offset":          func(i Info) int64 { return i.Offset },
		"second_repl_offset":          func(i Info) int64 { return i.FormerEnd },
		"connected_slaves":            func(i Info) int64 { return i.ConnectedReplicas },
		"master_port":                 func(i Info) int64 { return i.PrimaryPort },
		"master_last_io_seconds_ago":  func(i Info) int64 { return i.IdleSeconds },
		"slave_read_repl_offset":      func(i Info) int64 { return i.Received },
		"slave_repl_offset":           func(i Info) int64 { return i.Applied },
	}
	words = map[string]struct {
		second string
		is     func(Info) bool
	}{
		"loading":                   {"1", func(i Info) bool { return i.Loading }},
		"rdb_bgsave_in_progress":    {"1", func(i Info) bool { return i.Saving }},
		"rdb_last_bgsave_status":    {"err", func(i Info) bool { return !i.SaveOK }},
		"aof_enabled":               {"1", func(i Info) bool { return i.Appends }},
		"aof_last_write_status":     {"err", func(i Info) bool { return !i.WriteOK }},
		"aof_rewrite_in_progress":   {"1", func(i Info) bool { return i.Rewriting }},
		"aof_rewrite_scheduled":     {"1", func(i Info) bool { return i.RewriteScheduled }},
		"aof_last_bgrewrite_status": {"err", func(i Info) bool { return !i.RewriteOK }},
		"role":                      {"master", func(i Info) bool { return !i.isReplica() && i.Upstream == Upstream{} }},
		"master_link_status":        {"down", func(i Info) bool { return !i.LinkUp }},
		"master_sync_in_progress":   {"1", func(i Info) bool { return i.Syncing }},
		"run_id":                    {"some", func(i Info) bool { return i.RunID == "some" }},
		"valkey_version":            {"some", func(i Info) bool { return i.Version == "some" }},
		"master_replid":             {"some", func(i Info) bool { return i.ReplicationID == "some" }},
		"master_replid2":            {"some", func(i Info) bool { return i.FormerID == "some" }},
		"master_host":               {"some", func(i Info) bool { return i.PrimaryHost == "some" }},
	}
)

// TestEachLineOfInfo: every line goes where it belongs, and nowhere else.
func TestEachLineOfInfo(t *testing.T) {
	t.Parallel()
	text := said(t, "valkey-8.0", "replica-up") + aboutTheLog
	before := parsed(t, text)
	for name, of := range numbers {
		after := parsed(t, replaced(t, text, name, "7777777"))
		if of(after) != 7777777 || of(before) == 7777777 {
			t.Errorf("%s was not read: %+v", name, after)
		}
		for other, of := range numbers {
			if other != name && of(after) != of(before) {
				t.Errorf("%s is read where %s belongs", name, other)
			}
		}
	}
	for name, word := range words {
		after := parsed(t, replaced(t, text, name, word.second))
		if !word.is(after) || word.is(before) {
			t.Errorf("%s was not read: %+v", name, after)
		}
		for other, word := range words {
			if other != name && name != "role" && word.is(after) {
				t.Errorf("%s is read where %s belongs", name, other)
			}
		}
	}
}

// TestReplicasAndDatabases are lines of which there may be any number.
func TestReplicasAndDatabases(t *testing.T) {
	t.Parallel()
	text := said(t, "redis-7.0", "primary")
	text = replaced(t, text, "slave0", "ip=::1,port=1,state=send_bulk,offset=0,lag=0\r\n"+
		"slave1:ip=orders-db-2.orders-db,port=2,state=online,offset=3,lag=4,type=replica")
	text = replaced(t, text, "db0", "keys=5,expires=6,avg_ttl=0\r\ndb12:keys=7,expires=8,avg_ttl=0,subexpiry=9")
	i := parsed(t, text)
	replicas := []Replica{
		{Host: "::1", Port: 1, State: "send_bulk"},
		{Host: "orders-db-2.orders-db", Port: 2, State: "online", Offset: 3, LagSeconds: 4},
	}
	databases := []Database{{Name: "0", Keys: 5, Expiring: 6}, {Name: "12", Keys: 7, Expiring: 8}}
	if !reflect.DeepEqual(i.Replicas, replicas) || !reflect.DeepEqual(i.Databases, databases) {
		t.Errorf("read %+v and %+v", i.Replicas, i.Databases)
	}
	if i.Replicas[0].Online() || !i.Replicas[1].Online() {
		t.Error("a replica that waits for its copy is online, or one that has it is not")
	}
}

// aboutTheLog is what a server says of its append-only file when it has one.
const aboutTheLog = "aof_current_size:3\r\naof_base_size:2\r\naof_buffer_length:1\r\n"

// TestLog: the append-only file has lines of its own, and only when it is on.
func TestLog(t *testing.T) {
	t.Parallel()
	text := replaced(t, said(t, "redis-7.0", "primary"), "aof_enabled", "1")
	if _, err := ParseInfo(text); err == nil || !strings.Contains(err.Error(), "aof_buffer_length is missing") {
		t.Errorf("a log of which nothing is said: error %v", err)
	}
	i := parsed(t, text+aboutTheLog)
	if want := (Log{LogBytes: 3, RewrittenBytes: 2, Buffered: 1}); i.Log != want {
		t.Errorf("read %+v, want %+v", i.Log, want)
	}
}

// TestInfoIsWholeOrNothing: what is missing or malformed is an error that names it, and no part of the rest is given.
func TestInfoIsWholeOrNothing(t *testing.T) {
	t.Parallel()
	replica, primary := said(t, "valkey-8.0", "replica-up"), said(t, "redis-7.0", "primary")
	broken := map[string]string{}
	for name := range numbers {
		broken[name+" is missing"] = without(t, replica, name)
		broken[name+" is no number"] = replaced(t, replica, name, "many")
	}
	for name, word := range words {
		broken[name+" is missing"] = without(t, replica, name)
		if word.second != "some" {
			broken[name+" is neither"] = replaced(t, replica, name, "perhaps")
		}
	}
	for name, line := range map[string]string{
		"offset is missing": "ip=a,port=1,state=online,lag=0", "lag is no number": "ip=a,port=1,state=online,offset=1,lag=",
		"port is no number": "ip=a,port=x,state=online,offset=1,lag=1", "state is missing": "ip=a,port=1,offset=1,lag=1",
		"ip is missing": "port=1,state=online,offset=1,lag=1",
	} {
		broken[name] = replaced(t, primary, "slave0", line)
	}
	broken["expires is missing"] = replaced(t, primary, "db0", "keys=1")
	for want, text := range broken {
		if i, err := ParseInfo(text); err == nil || !strings.Contains(err.Error(), want) || !reflect.DeepEqual(i, Info{}) {
			t.Errorf("%s: error %v with %+v", want, err, i)
		}
	}
	if _, err := ParseInfo(""); err == nil {
		t.Error("nothing was taken for something")
	}
}

// said is what a server said in a scene.
func said(t *testing.T, directory, scene string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", directory, scene+".golden"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func parsed(t *testing.T, text string) Info {
	t.Helper()
	i, err := ParseInfo(text)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// replaced is the text with another value in a line.
func replaced(t *testing.T, text, name, value string) string {
	t.Helper()
	return edited(t, text, name, fmt.Sprintf("%s:%s\r\n", name, value))
}

func without(t *testing.T, text, name string) string {
	t.Helper()
	return edited(t, text, name, "")
}

func edited(t *testing.T, text, name, line string) string {
	t.Helper()
	pattern := regexp.MustCompile("(?m)^" + name + ":.*\r\n")
	if len(pattern.FindAllString(text, -1)) != 1 {
		t.Fatalf("%s is not one line of the text", name)
	}
	return pattern.ReplaceAllLiteralString(text, line)
}
