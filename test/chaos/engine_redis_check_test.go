// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"slices"
	"syscall"
	"testing"
	"time"
)

const table = "engine_killed_1"

func mustAck(t *testing.T, c conn, session int, seq int64) {
	t.Helper()
	if got, err := c.write(t.Context(), table, session, seq); got != acked {
		t.Fatalf("session %d row %d: %s, %v", session, seq, got, err)
	}
}

// TestRedisTellsEveryExecutionOfAWrite reads it from the primary and from a replica.
func TestRedisTellsEveryExecutionOfAWrite(t *testing.T) {
	t.Parallel()
	primary, replica := startRedis(t), startRedis(t)
	replica.follow(primary)
	c, _ := primary.session()
	mustAck(t, c, 9, 1)
	must(t, c.prepare(t.Context(), table))
	for _, w := range []write{{Session: 0, Seq: 1}, {Session: 1, Seq: 1}, {Session: 0, Seq: 2}, {Session: 0, Seq: 2}} {
		mustAck(t, c, w.Session, w.Seq)
	}
	want := []row{{0, 1, 1}, {1, 1, 2}, {0, 2, 3}, {0, 2, 4}}
	for name, server := range map[string]*redisServer{"primary": primary, "replica": replica} {
		var got []row
		server.eventually("the rows of the "+name, func() bool {
			c, _ := server.session()
			rows, err := c.rows(t.Context(), table)
			must(t, err)
			got = rows
			return slices.Equal(got, want)
		})
	}
}

// TestRedisAnswersAreJudged has writes meet a server that does not take them.
func TestRedisAnswersAreJudged(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		settings []string
		happens  func(*redisServer)
		want     outcome
		broken   bool
	}{
		"it is well":            {nil, func(*redisServer) {}, acked, false},
		"it became a replica":   {nil, func(s *redisServer) { s.command("replicaof", "127.0.0.1", "1") }, refused, true},
		"it has no replica":     {[]string{"--min-replicas-to-write", "1"}, func(*redisServer) {}, refused, false},
		"its memory is full":    {nil, func(s *redisServer) { s.command("config", "set", "maxmemory", "1") }, refused, false},
		"it is frozen":          {nil, func(s *redisServer) { s.signal(syscall.SIGSTOP) }, unknown, true},
		"it died":               {nil, (*redisServer).kill, unknown, true},
		"it died and is back":   {nil, func(s *redisServer) { s.kill(); s.start() }, unknown, true},
		"it dies in the middle": {nil, (*redisServer).dieInTheMiddle, unknown, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := startRedis(t, test.settings...)
			c, _ := server.session()
			test.happens(server)
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			got, err := c.write(ctx, table, 0, 1)
			if got != test.want || c.broken() != test.broken || (err == nil) != (got == acked) {
				t.Errorf("%s, %v, broken %v", got, err, c.broken())
			}
		})
	}
}

// dieInTheMiddle freezes the server and kills it when the write is under way.
func (s *redisServer) dieInTheMiddle() {
	s.signal(syscall.SIGSTOP)
	time.AfterFunc(300*time.Millisecond, func() { s.signal(syscall.SIGKILL) })
}

// TestRedisLives goes through all that may happen to a server which makes it another primary or not.
func TestRedisLives(t *testing.T) {
	t.Parallel()
	server, other := startRedis(t), startRedis(t)
	_, life := server.session()
	for _, step := range []struct {
		what    string
		happens func()
		another bool
	}{
		{"nothing", func() {}, false},
		{"its first replica comes", func() { other.follow(server); other.awaitLink() }, false},
		{"it becomes a replica and primary again", func() {
			other.command("replicaof", "no", "one")
			server.follow(other)
			server.awaitLink()
			server.command("replicaof", "no", "one")
		}, true},
		{"a replica comes back", func() { other.follow(server); other.awaitLink() }, false},
		{"it is started again", func() { server.kill(); server.start() }, true},
	} {
		step.happens()
		_, now := server.session()
		if (now != life) != step.another {
			t.Errorf("%s: life was %s and is %s", step.what, life, now)
		}
		life = now
	}
}
