// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// actor is a member or a keeper with its driver, whose rules are carried out as the agent's loop does.
type actor struct {
	s       *stage
	name    string
	address string
	root    string
	driver  interface {
		Observe(ctx context.Context, o *runbook.Observation) error
		Do(ctx context.Context, t runbook.Task) error
		Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (runbook.Tended, error)
	}
	tenant   *tenant
	rules    []runbook.Rule
	stopping bool
	// took are the steps other than waiting and tending, tended is what the last tending found, failed what went wrong.
	took   []runbook.StepKind
	tended runbook.Tended
	failed error
}

// cast makes a member whose agent has just started.
func (s *stage) cast(name string) *actor {
	s.Helper()
	m, planned := s.plan.Member(name)
	if !planned {
		s.Fatalf("%s is in no plan", name)
	}
	a := &actor{s: s, name: name, address: m.Host, root: s.TempDir(), rules: clickhouse.Runbook}
	s.certify(a)
	a.begin()
	s.Cleanup(a.kill)
	return a
}

// begin begins a life of the member's agent.
func (a *actor) begin() {
	options := Options{
		Member: a.name, Root: a.root, ConfigDirectory: a.path("run"), CertificateDirectory: a.path("tls"),
		Classes: classes(), Reaper: reaper(),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			address = strings.Replace(address, local+":", a.address+":", 1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	}
	if m, _ := a.s.plan.Member(a.name); m.Component != "" {
		d := NewKeeper(options)
		a.driver, a.tenant, a.rules = d, &d.tenant, clickhouse.KeeperRunbook
		return
	}
	d := New(options)
	a.driver, a.tenant = d, &d.tenant
}

func (a *actor) path(name string) string { return filepath.Join(a.root, name) }

// plan is the stage's with the paths and the address of this member.
func (a *actor) plan() engine.Plan {
	here := strings.NewReplacer(
		clickhouse.DataDirectory, a.path("clickhouse"), resource.TLSMountPath, a.path("tls"),
		"<listen_host>::</listen_host>", "", "<listen_host>0.0.0.0<", "<listen_host>"+a.address+"<",
		"clientPort=", "clientPortAddress="+a.address+"\nclientPort=",
		"quorumListenOnAllIPs=true", "quorumListenOnAllIPs=false",
		"<verificationMode>strict<", "<verificationMode>relaxed<",
	)
	p := a.s.plan
	p.Files = map[string]string{}
	for name, content := range a.s.configure() {
		p.Files[name] = here.Replace(content)
	}
	return p
}

// pass is one of the agent's loop.
func (a *actor) pass() runbook.Observation {
	a.s.Helper()
	o := runbook.Observation{Member: a.name, Plan: a.plan(), Stopping: a.stopping}
	a.s.must(a.driver.Observe(a.s.Context(), &o))
	o.Stopping = a.stopping
	step := runbook.Converge(a.rules, o)
	switch step.Kind {
	case runbook.StepWait, runbook.StepExit:
	case runbook.StepTend:
		a.tended, a.failed = a.driver.Tend(a.s.Context(), o.Plan, o)
	default:
		a.took = append(a.took, step.Kind)
		a.failed = a.driver.Do(a.s.Context(), runbook.Task{Step: step, Plan: o.Plan, Observation: o})
	}
	return o
}

// until makes passes of some members until one of them sees what is waited for.
func (s *stage) until(what string, reached func(o runbook.Observation) bool, actors ...*actor) {
	s.Helper()
	var o runbook.Observation
	var failed error
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, a := range actors {
			if o = a.pass(); reached(o) {
				return
			}
			failed = a.failed
		}
	}
	s.Fatalf("%s did not come: %+v, problem %+v, failed: %v", what, o.Server, o.Problem, failed)
}

// serve makes passes of all, in turn, until each of them serves.
func (s *stage) serve(actors ...*actor) {
	s.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		serving := 0
		for _, a := range actors {
			if o := a.pass(); o.Server.Streaming {
				serving++
			}
			if m, found, _ := a.tenant.volume.mark(); found && s.plan.SystemID == "" {
				s.plan.SystemID, s.plan.Initialiser = m.SystemID, ""
			}
		}
		if serving == len(actors) {
			return
		}
	}
	for _, a := range actors {
		o := a.pass()
		s.Errorf("%s: %+v, %+v, %s, refused %q, failed: %v", a.name, o.Server, o.Problem, o.SchemaBehind, o.Refused, a.failed)
	}
	s.FailNow()
}

// kill kills the member's server as a crash does.
func (a *actor) kill() {
	if a.tenant.server != nil && !a.tenant.server.Ended() {
		_ = a.tenant.server.Signal(syscall.SIGKILL)
		<-a.tenant.server.Done()
	}
}

// signal sends a signal to the member's server.
func (a *actor) signal(signal syscall.Signal) {
	a.s.Helper()
	a.s.must(a.tenant.server.Signal(signal))
}

// as is a client of a member's server.
func (a *actor) as(user, password string) driver.Conn {
	a.s.Helper()
	client, err := connect(login{
		address: a.address, host: localhost, username: user, password: password, certificates: a.path("tls"),
	})
	a.s.must(err)
	a.s.Cleanup(func() { _ = client.Close() })
	return client
}

func (a *actor) app() driver.Conn { return a.as("app", "application's") }

// says runs statements as the application.
func (a *actor) says(statements ...string) {
	a.s.Helper()
	for _, statement := range statements {
		if err := a.app().Exec(a.s.Context(), statement); err != nil {
			a.s.Fatalf("%s: %v", statement, err)
		}
	}
}

// rows counts those of a table.
func (a *actor) rows(table string) uint64 {
	a.s.Helper()
	n, err := number(a.s.Context(), a.app(), "SELECT toUInt64(count()) FROM "+table)
	a.s.must(err)
	return n
}
