// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"cmp"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	goredis "github.com/redis/go-redis/v9"
)

// stage is where real servers of one program run, for one test.
type stage struct {
	*testing.T
	program string
}

// onEachStage plays with every server program that is here, all at once.
func onEachStage(t *testing.T, play func(*stage)) {
	t.Helper()
	found := programs()
	if len(found) == 0 {
		t.Skip("SKIPPED: no Redis server is installed here (Debian: apt-get install redis-server)")
	}
	for _, program := range found {
		t.Run(filepath.Base(program), func(t *testing.T) {
			t.Parallel()
			play(&stage{T: t, program: program})
		})
	}
}

// programs are the servers on the PATH and in the cache of built programs.
func programs() (found []string) {
	cache := cmp.Or(os.Getenv("ATLASDB_CACHE"), "/var/cache/atlasdb")
	for _, name := range []string{"redis-server", "valkey-server"} {
		for _, candidate := range []string{name, filepath.Join(cache, "bin", name)} {
			if path, err := exec.LookPath(candidate); err == nil {
				found = append(found, path)
				break
			}
		}
	}
	return found
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) eventually(what string, reached func() bool) {
	s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if reached() {
			return
		}
	}
	s.Fatalf("%s did not come", what)
}

// player is a real server on a stage, and a client of it over its socket.
type player struct {
	*goredis.Client
	s *stage
	// name is the member's, directory has its data, socket and log; address is where others reach it.
	name, directory, address string
	process                  *os.Process
	ended                    chan struct{}
}

// addresses counts those in use. All of 127.0.0.0/8 is this machine, so each server has an address of its own, and
// nobody has to find a free port that another takes before it is used.
var addresses atomic.Int32

func ownAddress() string {
	pid, n := os.Getpid(), addresses.Add(1)
	return fmt.Sprintf("127.%d.%d.%d", 128+pid>>8%128, pid%256, n)
}

// enter starts a server with further settings, "--name", "value".
func (s *stage) enter(name string, settings ...string) *player {
	s.Helper()
	p := &player{s: s, name: name, directory: s.TempDir(), address: ownAddress()}
	p.Client = connect(Access{Socket: p.socket()}, "atlasdb-test")
	s.Cleanup(func() {
		p.kill()
		_ = p.Close()
		if log, err := os.ReadFile(p.log()); err == nil && s.Failed() {
			s.Logf("%s:\n%s", name, log)
		}
	})
	p.start(settings...)
	return p
}

func (p *player) socket() string { return filepath.Join(p.directory, "redis.sock") }
func (p *player) log() string    { return filepath.Join(p.directory, "log") }

// start starts the server, and waits until it listens; it may still load.
func (p *player) start(settings ...string) {
	p.s.Helper()
	args := append([]string{
		"--bind", p.address, "--port", "6379", "--unixsocket", p.socket(), "--unixsocketperm", "700",
		"--dir", p.directory, "--logfile", p.log(), "--save", "", "--repl-diskless-sync-delay", "0",
		"--rdbcompression", "no", "--replica-announce-ip", p.name + ".orders-db.default.svc",
	}, settings...)
	cmd := exec.CommandContext(p.s.Context(), p.s.program, args...)
	cmd.Dir = p.directory
	p.s.must(cmd.Start())
	p.process, p.ended = cmd.Process, make(chan struct{})
	go func(ended chan<- struct{}) {
		defer close(ended)
		_ = cmd.Wait() // a driver's reaper in this process may have been the first to take it
	}(p.ended)
	p.s.eventually(p.name+" that listens", func() bool {
		listener, err := net.Dial("unix", p.socket())
		if err == nil {
			p.s.must(listener.Close())
		}
		return err == nil
	})
}

// kill kills the server, and returns when it is dead.
func (p *player) kill() {
	if p.process != nil {
		_ = p.process.Kill()
		<-p.ended
		p.process = nil
	}
}

// signal sends a signal to the server.
func (p *player) signal(signal os.Signal) {
	p.s.Helper()
	p.s.must(p.process.Signal(signal))
}

// follow makes the server a replica of another.
func (p *player) follow(primary *player) {
	p.s.Helper()
	p.s.must(p.ReplicaOf(p.s.Context(), primary.address, "6379").Err())
}

// await asks the server until it says what is wanted.
func (p *player) await(what string, wanted func(Info) bool) (seen Info) {
	p.s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		var err error
		seen, err = ask(p.s.Context(), p.Client)
		p.s.must(err)
		if wanted(seen) {
			return seen
		}
	}
	p.s.Fatalf("%s: %s did not come; last seen %+v", p.name, what, seen)
	return Info{}
}

// fill writes keys.
func (p *player) fill(keys int) {
	p.s.Helper()
	_, err := p.Pipelined(p.s.Context(), func(pipe goredis.Pipeliner) error {
		for n := range keys {
			pipe.Set(p.s.Context(), fmt.Sprint("key:", n), make([]byte, 100), 0)
		}
		return nil
	})
	p.s.must(err)
}

// loadSlowly takes 20 ms for a key, and looks up every few.
var loadSlowly = []string{"--key-load-delay", "20000", "--loading-process-events-interval-bytes", "1024"}

// enterLoading is a primary that reads its data.
func (s *stage) enterLoading() *player {
	s.Helper()
	p := s.enter("orders-db-0")
	p.fill(1000)
	s.must(p.Save(s.Context()).Err())
	p.kill()
	p.start(loadSlowly...)
	return p
}

// couple is a primary and a replica that follows it.
func (s *stage) couple(settings ...string) (primary, replica *player) {
	s.Helper()
	primary = s.enter("orders-db-0", settings...)
	replica = s.enter("orders-db-1", settings...)
	replica.follow(primary)
	replica.await("the stream", func(i Info) bool { return i.LinkUp })
	primary.await("a replica", func(i Info) bool { return slices.ContainsFunc(i.Replicas, Replica.Online) })
	return primary, replica
}
