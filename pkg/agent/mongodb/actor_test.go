// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// actor is a member with its driver, whose rules are carried out as the agent's loop does.
type actor struct {
	*Driver
	s             *stage
	name, address string
	root          string
	// build is the version that its image has.
	build    string
	stopping bool
	declined string
	// took are the steps other than waiting and tending, last what was observed last, tended what the last tending found,
	// failed what went wrong last.
	took   []runbook.StepKind
	last   runbook.Observation
	tended runbook.Tended
	failed error
}

// begin begins a life of the member's agent.
func (a *actor) begin() {
	a.declined = ""
	a.Driver = New(Options{
		Member: a.name, Root: a.root, RunDirectory: a.path("run"), CertificateDirectory: a.path("tls"),
		Program: a.program(), Reaper: reaper(),
		Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
			address = strings.Replace(address, local+":", a.address+":", 1)
			return new(net.Dialer).DialContext(ctx, network, address)
		},
	})
}

// program runs the stand-in as the version of the member's image, with its log in a file of the member's.
func (a *actor) program() string {
	a.s.Helper()
	path := a.path("mongod")
	script := fmt.Sprintf("#!/bin/sh\nMONGOD_STANDIN_VERSION=%s exec %s \"$@\" >>%s 2>&1\n",
		a.build, a.s.program, a.path("log"))
	a.s.must(os.WriteFile(path, []byte(script), 0o700))
	return path
}

func (a *actor) path(name string) string { return filepath.Join(a.root, name) }

// plan is the stage's with the paths and the address of this member.
func (a *actor) plan() engine.Plan {
	here := strings.NewReplacer(
		mongodb.DataDirectory, a.path("mongodb"), mongodb.RunDirectory, a.path("run"), resource.TLSMountPath, a.path("tls"),
		"bindIpAll: true", "bindIp: "+a.address,
	)
	p := a.s.plan
	p.Members = slices.Clone(p.Members)
	p.Files = map[string]string{}
	for name, content := range a.s.configure() {
		p.Files[name] = here.Replace(content)
	}
	p.Files[mongodb.ConfigFile] += a.s.broken
	return p
}

// pass is one of the agent's loop.
func (a *actor) pass() {
	a.s.Helper()
	a.act(a.observe())
}

// observe looks, and decides.
func (a *actor) observe() (runbook.Observation, runbook.Step) {
	a.s.Helper()
	o := runbook.Observation{Member: a.name, Plan: a.plan(), Stopping: a.stopping, Declined: a.declined}
	a.s.must(a.Observe(a.s.Context(), &o))
	a.last = o
	return o, runbook.Converge(mongodb.Runbook, o)
}

// act does what was decided.
func (a *actor) act(o runbook.Observation, step runbook.Step) {
	a.s.Helper()
	switch step.Kind {
	case runbook.StepWait, runbook.StepExit:
	case runbook.StepTend:
		a.tended, a.failed = a.Tend(a.s.Context(), o.Plan, o)
	default:
		a.took = append(a.took, step.Kind)
		a.failed = a.Do(a.s.Context(), runbook.Task{Step: step, Plan: o.Plan, Observation: o})
		if step.Kind == runbook.StepHandOver && a.failed != nil {
			a.declined = step.Request
		}
	}
	a.report(o)
}

// report does what the operator does with a report: the plan has the identity of the data as soon as a primary tells.
func (a *actor) report(o runbook.Observation) {
	if a.s.plan.SystemID == "" && leads(o) && o.Volume.HasData {
		a.s.plan.SystemID, a.s.plan.Initialiser = o.Volume.SystemID, ""
	}
}

// await makes passes of all members until something is reached.
func (s *stage) await(what string, reached func() bool) {
	s.Helper()
	for deadline := time.Now().Add(2 * time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		for _, a := range s.actors {
			a.pass()
		}
		if reached() {
			return
		}
	}
	for _, a := range s.actors {
		log, _ := os.ReadFile(a.path("log"))
		s.Logf("%s: %+v %+v view %+v, steps %v, failed: %v\n%s", a.name, a.last.Volume, a.last.Server, a.view,
			a.took[max(0, len(a.took)-10):], a.failed, log[max(0, len(log)-3000):])
	}
	s.Fatalf("%s did not come", what)
}

func leads(o runbook.Observation) bool   { return o.Server.Accepting && !o.Server.InRecovery }
func streams(o runbook.Observation) bool { return o.Server.Streaming }

// complete says that the set is as the plan has it: one primary, all others level, and the votes where they belong.
func (s *stage) complete() bool {
	primaries, level := 0, 0
	for _, a := range s.actors {
		switch {
		case leads(a.last):
			primaries++
			if !slices.Equal(a.last.Server.Electorate, mongodb.WantedVoters(s.plan)) ||
				len(a.view.config.Members) != len(s.plan.Members) {
				return false
			}
		case streams(a.last):
			level++
		}
	}
	return primaries == 1 && level == len(s.plan.Members)-1
}

// primary is the member that leads.
func (s *stage) primary() *actor {
	s.Helper()
	i := slices.IndexFunc(s.actors, func(a *actor) bool { return leads(a.last) })
	if i < 0 {
		s.Fatal("there is no primary")
	}
	return s.actors[i]
}

// member is the actor of a name.
func (s *stage) member(name string) *actor {
	s.Helper()
	i := slices.IndexFunc(s.actors, func(a *actor) bool { return a.name == name })
	if i < 0 {
		s.Fatalf("there is no %s", name)
	}
	return s.actors[i]
}

// kill kills the member's server as a crash does.
func (a *actor) kill() {
	if a.server.Running() {
		_ = a.server.Signal(syscall.SIGKILL)
		<-a.Exited()
	}
}

// die ends the agent and its server at once, as the end of their container does, and begins another life of both.
func (a *actor) die() {
	a.s.Helper()
	a.kill()
	a.disconnect(a.s.Context())
	a.s.must(a.siblings.keep(a.s.Context(), nil))
	if a.volume.Lock != nil {
		a.s.must(a.volume.Lock.Close())
	}
	a.begin()
}

// lose ends the member, and gives it a new volume.
func (a *actor) lose() {
	a.s.Helper()
	a.die()
	a.s.must(os.RemoveAll(a.path("mongodb")))
	a.s.must(os.Remove(a.path(markFile)))
}

// app is a client as an application has it, of the whole set.
func (s *stage) app(password string) *mongo.Client {
	s.Helper()
	var hosts []string
	for _, m := range s.plan.Members {
		hosts = append(hosts, mongodb.HostOf(m))
	}
	secured, err := s.actors[0].access.trust("")
	s.must(err)
	client, err := mongo.Connect(options.Client().SetHosts(hosts).SetReplicaSet(mongodb.ReplicaSetName).
		SetAuth(options.Credential{AuthSource: mongodb.AuthDatabase, Username: "app", Password: password}).
		SetTLSConfig(secured).SetServerSelectionTimeout(20 * time.Second))
	s.must(err)
	s.Cleanup(func() { disconnect(context.Background(), client) })
	return client
}

// records is the collection that tests write to.
func records(client *mongo.Client) *mongo.Collection {
	return client.Database(mongodb.Database).Collection("records")
}
