// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"testing"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// leads and follows are a server that is primary, with a level secondary, and one that is a secondary.
func leads(o *observation) {
	o.Server = runbook.Server{Running: true, Accepting: true, Attached: []string{name(1)}}
}

func follows(o *observation) { leads(o); o.Server.InRecovery, o.Server.Attached = true, nil }

func TestRunbook(t *testing.T) {
	t.Parallel()
	asked := &engine.Switchover{ID: "op", From: name(0), Target: name(1)}
	anew := &engine.Rebuild{ID: "r", Member: name(0)}
	last := func(o *observation) { leads(o); o.Member, o.Plan = name(3), planOf(4) }
	for name, tt := range map[string]struct {
		change func(o *observation)
		want   runbook.StepKind
	}{
		"another process has the lock": {func(o *observation) { o.Volume.Locked = false }, runbook.StepWait},
		"an empty volume":              {func(o *observation) { o.Volume.HasData = false }, runbook.StepInitialise},
		"the only volume lost its data": {func(o *observation) { o.Volume.HasData, o.Plan = false, planOf(1) },
			runbook.StepWait},
		"the first volume of all": {func(o *observation) {
			o.Volume.HasData, o.Plan = false, planOf(1)
			o.Plan.SystemID = ""
		}, runbook.StepInitialise},
		"a server that is down":          {func(*observation) {}, runbook.StepStartReplica},
		"a member that the plan has not": {func(o *observation) { o.Member = "orders-db-6" }, runbook.StepWait},
		"a primary that died":            {func(o *observation) { o.Volume.Resting = true }, runbook.StepStartReplica},
		"a primary that died, with an heir": {func(o *observation) {
			o.Volume.Resting, o.Volume.Heir = true, "x"
		}, runbook.StepHandOver},
		"the data of another set": {func(o *observation) { o.Volume.SystemID = "8" }, runbook.StepWait},
		"a server that starts":    {func(o *observation) { o.Server.Running = true }, runbook.StepWait},
		"a primary":               {leads, runbook.StepTend},
		"a secondary":             {follows, runbook.StepTend},
		"one that leaves runs on": {func(o *observation) {
			follows(o)
			o.Member = "orders-db-6"
		}, runbook.StepTend},
		"a cluster that stops runs on": {func(o *observation) { leads(o); o.Plan.PowerState = v1alpha1.PowerStopped },
			runbook.StepTend},
		"a fenced member": {func(o *observation) {
			follows(o)
			o.Plan.FencedMembers = []string{o.Member}
		}, runbook.StepStopServer},
		"a switchover": {func(o *observation) { leads(o); o.Plan.Switchover = asked }, runbook.StepHandOver},
		"one that was tried": {func(o *observation) {
			leads(o)
			o.Plan.Switchover, o.Declined = asked, "op"
		}, runbook.StepTend},
		"a primary whose pod ends":   {func(o *observation) { leads(o); o.Stopping = true }, runbook.StepHandOver},
		"a secondary whose pod ends": {func(o *observation) { follows(o); o.Stopping = true }, runbook.StepStopServer},
		"a primary whose pod ends, with nobody level": {func(o *observation) {
			leads(o)
			o.Stopping, o.Server.Attached = true, nil
		}, runbook.StepStopServer},
		"a restart for parameters": {func(o *observation) {
			follows(o)
			o.Plan.RestartMember, o.Pending = o.Member, []string{"net.maxIncomingConnections"}
		}, runbook.StepStopServer},
		"a new copy": {func(o *observation) { follows(o); o.Plan.Rebuild = anew }, runbook.StepClone},
		"a new copy that was made": {func(o *observation) {
			follows(o)
			o.Plan.Rebuild = anew
			o.Volume.Rebuilt = "r"
		}, runbook.StepTend},
		"no new copy of the primary": {func(o *observation) {
			leads(o)
			o.Plan.Rebuild = anew
		}, runbook.StepTend},
		"a primary that is to have no vote": {last, runbook.StepHandOver},
		"one that could not hand over": {func(o *observation) {
			last(o)
			o.Declined = noVote
		}, runbook.StepTend},
		"one whose heirs are not level": {func(o *observation) {
			last(o)
			o.Server.Attached = nil
		}, runbook.StepTend},
		"a secondary that is to have no vote serves": {func(o *observation) {
			last(o)
			o.Server.InRecovery = true
		}, runbook.StepTend},
	} {
		o := observation{
			Member: "orders-db-0", Plan: planOf(3), Volume: runbook.Volume{Locked: true, HasData: true, SystemID: setID},
		}
		tt.change(&o)
		if got := runbook.Converge(Runbook, o); got.Kind != tt.want {
			t.Errorf("%s: %s (%s), want %s", name, got.Kind, got.Reason, tt.want)
		}
	}
}
