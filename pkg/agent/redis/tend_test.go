// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// TestSettings: what can be changed is, at once; the rest waits and is told; what the server refuses is told too, and
// the last good settings stay, also over a restart.
func TestSettings(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.lead(1)
		value := func(name string) string { return a.client.ConfigGet(s.Context(), name).Val()[name] }
		a.settings(map[string]string{"maxmemory": "10mb", "databases": "20"})
		a.await("the settings", func(o runbook.Observation) bool {
			return value("maxmemory") == "10485760" && slices.Equal(o.Pending, []string{"databases"})
		})
		a.settings(map[string]string{"maxmemory": "10mb"})
		a.await("nothing to wait for", func(o runbook.Observation) bool { return len(o.Pending) == 0 })
		for name, settings := range map[string]map[string]string{
			"a value that nobody takes":           {"maxmemory": "20mb", "maxmemory-policy": "perhaps"},
			"a value that this server cannot set": {"maxmemory": "20mb", "tls-port": "6380", "tls-cert-file": "/nowhere"},
			"a name that nobody knows":            {"maxmemory": "20mb", "no-such-setting": "1"},
		} {
			a.settings(settings)
			o := a.await("a refusal", func(o runbook.Observation) bool { return o.Refused != "" })
			if !strings.Contains(o.Refused, "the last good one stays") || value("maxmemory") != "10485760" {
				s.Errorf("%s: refused %q, maxmemory is %s", name, o.Refused, value("maxmemory"))
			}
			a.settings(map[string]string{"maxmemory": "10mb"})
			a.await("no refusal", func(o runbook.Observation) bool { return o.Refused == "" })
		}
		a.settings(map[string]string{"maxmemory-policy": "perhaps"})
		a.stop()
		o := a.lead(1)
		o = a.glance()
		if !strings.Contains(o.Refused, "maxmemory-policy") || value("maxmemory") != "10485760" {
			s.Errorf("after a restart: refused %q, maxmemory is %s", o.Refused, value("maxmemory"))
		}
	})
}

// TestSilence: what did not change is not written again.
func TestSilence(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.lead(1)
		a.pass()
		s.must(a.client.Do(s.Context(), "CONFIG", "RESETSTAT").Err())
		before := a.claim()
		for range 100 {
			a.pass()
		}
		text := a.client.Info(s.Context(), "commandstats").Val()
		if contains(text, "cmdstat_acl") || contains(text, "cmdstat_config|set") || contains(text, "cmdstat_bgsave") {
			s.Errorf("the server was told something:\n%s", text)
		}
		if after := a.claim(); after.Position != before.Position {
			s.Errorf("the state went from %+v to %+v", before, after)
		}
	})
}

// TestPersistence: what is written to the disk can change while the server runs, and a crash at any time finds what the
// state says.
func TestPersistence(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.lead(1)
		s.cast(members[1], nil).follow(a) // so that it counts
		for n, form := range []form{formSnapshot, formLog, formSnapshot} {
			a.fill(n*10, 10)
			a.settings(forms[form])
			a.await("the new form", func(o runbook.Observation) bool { return a.claim().Form == form })
			claimed := a.claim().Position
			a.kill()
			if o := a.nobody(); o.Volume.Point.Position < claimed || a.keys() != int64(n*10+10) {
				s.Errorf("%s: %d keys at %d, want %d at %d", form, a.keys(), o.Volume.Point.Position, n*10+10, claimed)
			}
			a.lead(int64(n + 2))
		}
		s.must(a.client.Set(s.Context(), "last", "one", 0).Err())
		if o := a.stop(); !o.Volume.Exact {
			s.Errorf("after a stop: %+v", o.Volume)
		}
		a.lead(9)
		if a.client.Get(s.Context(), "last").Val() != "one" {
			s.Error("a clean stop lost the last write")
		}
	})
}

// TestNothingIsKept: a primary that writes nothing to the disk has lost everything when it is down, and says so.
func TestNothingIsKept(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		a.settings(forms[formNothing])
		a.lead(1)
		s.cast(members[1], nil).follow(a)
		a.fill(0, 10)
		if o := a.stop(); o.Volume.Exact || o.Volume.Point.Position != 0 || o.Crashes != 1 || !o.Volume.Standby {
			s.Errorf("after a stop: %+v, %d crashes", o.Volume, o.Crashes)
		}
	})
}

// TestUsers: a password is changed under an application that goes on, who is closed out is out, who is gone is gone, and
// nobody comes in without a name.
func TestUsers(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		account := func(password string) []engine.PlanUser {
			return []engine.PlanUser{{Name: "app", Verifier: redis.PasswordRule(password)}}
		}
		a.plan.Users = account("old")
		a.lead(1)
		session := s.app(a, "old")
		s.must(session.Set(s.Context(), "key", "value", 0).Err())
		a.plan.Users = account("new")
		a.await("the password", func(runbook.Observation) bool { return s.app(a, "new").Ping(s.Context()).Err() == nil })
		if s.app(a, "old").Ping(s.Context()).Err() == nil {
			s.Error("the old password is still good")
		}
		s.must(session.Get(s.Context(), "key").Err())
		if connect(Access{Socket: a.access.Socket}, "").Ping(s.Context()).Err() == nil {
			s.Error("somebody came in without a name")
		}

		a.closed = true
		a.await("to be closed", func(runbook.Observation) bool { return s.app(a, "new").Ping(s.Context()).Err() != nil })
		if session.Get(s.Context(), "key").Err() == nil {
			s.Error("a session goes on although the member is closed")
		}
		a.closed = false
		a.await("to be open", func(runbook.Observation) bool { return s.app(a, "new").Ping(s.Context()).Err() == nil })
		a.plan.Users = nil
		a.await("the end of the user", func(runbook.Observation) bool { return s.app(a, "new").Ping(s.Context()).Err() != nil })
		if users := a.client.Do(s.Context(), "ACL", "USERS").Val(); len(users.([]any)) != 3 {
			s.Errorf("the users are %v", users)
		}
		for _, name := range []string{redis.UsersFile, redis.MemberConfFile} {
			path := filepath.Join(a.options.SocketDirectory, name)
			info, err := os.Stat(path)
			s.must(err)
			if info.Mode().Perm() != 0o600 {
				s.Errorf("%s has mode %v", name, info.Mode())
			}
		}
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", a.server.Pid))
		s.must(err)
		if contains(string(line), a.access.Password) || contains(string(line), "among members") {
			s.Errorf("a secret is in the arguments: %q", line)
		}
	})
}

// TestCertificates: new certificates are read without a restart.
func TestCertificates(t *testing.T) {
	t.Parallel()
	onEachStage(t, func(s *stage) {
		a := s.cast(members[0], nil)
		directory := a.options.CertificateDirectory
		first, second := newAuthority(s), newAuthority(s)
		s.mount(directory, first)
		a.settings(map[string]string{
			"port": "0", "tls-port": "6379", "tls-auth-clients": "no", "tls-replication": "yes",
			"tls-ca-cert-file": filepath.Join(directory, resource.CACertKey),
			"tls-cert-file":    filepath.Join(directory, resource.ServerCertKey),
			"tls-key-file":     filepath.Join(directory, resource.ServerKeyKey),
		})
		a.lead(1)
		s.must(a.shakeHands(first))
		s.mount(directory, second)
		a.await("the new certificates", func(runbook.Observation) bool { return a.shakeHands(second) == nil })
		if slices.Contains(a.took, runbook.StepStopServer) {
			s.Error("it took a restart")
		}
	})
}

func newAuthority(s *stage) *tlsutil.Authority {
	s.Helper()
	a, err := tlsutil.NewAuthority("orders", time.Now(), rand.Reader)
	s.must(err)
	return a
}

// mount writes certificates of an authority to where a server finds them.
func (s *stage) mount(directory string, from *tlsutil.Authority) {
	s.Helper()
	pair, err := from.IssueServer("orders", []string{"orders-rw"}, time.Now(), rand.Reader)
	s.must(err)
	for name, content := range map[string][]byte{
		resource.CACertKey: from.CertPEM, resource.ServerCertKey: pair.CertPEM, resource.ServerKeyKey: pair.KeyPEM,
	} {
		s.must(os.WriteFile(filepath.Join(directory, name), content, 0o600))
	}
}

// shakeHands connects as a client that trusts an authority.
func (a *actor) shakeHands(with *tlsutil.Authority) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(with.CertPEM)
	connection, err := tls.Dial("tcp", net.JoinHostPort(a.address, "6379"), &tls.Config{
		RootCAs: roots, ServerName: "orders-rw", MinVersion: tls.VersionTLS12,
	})
	if err != nil {
		return err
	}
	return connection.Close()
}
