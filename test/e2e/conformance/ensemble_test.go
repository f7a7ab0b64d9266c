// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// survivesEnsembleMember: of an ensemble that has a quorum without it, a server may die, and no client hears of it.
func survivesEnsembleMember(d *database) {
	d.underLoad(func(goOn func()) {
		d.KillServer(d.leader(), d.engine.keepers.processes...)
		goOn()
	})
}

// leader is the member of the ensemble whose loss it feels most.
func (d *database) leader() string {
	d.Helper()
	for _, m := range d.status().MemberStatuses {
		if m.Component == d.engine.keepers.component && m.Role == v1alpha1.RolePrimary {
			return m.Name
		}
	}
	d.Fatal("the ensemble has no leader")
	return ""
}

// waitsForEnsemble: without a quorum of the ensemble reads go on, writes are refused, and status says so. Nobody has to
// do anything when it is back.
func waitsForEnsemble(d *database) {
	d.write(10)
	d.mustHaveAll(readWrite, readOnly)
	d.withoutQuorum(func() {
		d.AwaitReason(clusterName, v1alpha1.ConditionAvailable, v1alpha1.ReasonWaitingForQuorum, "")
		d.mustHaveAll(readWrite, readOnly)
		err := d.with(d.Context(), readWrite, func(ctx context.Context, s session) error {
			return s.Write(ctx, d.records+1)
		})
		if err == nil {
			d.Error("a write was acknowledged without a quorum")
		}
		d.Step("a write: %v", err)
	})
	d.AwaitReady(clusterName)
	d.write(10) // the refused one is the first of them: nobody knows whether it is there already
	d.mustHaveAll(readWrite, readOnly)
}

// withoutQuorum stops the servers of a majority of the ensemble for as long as something is done. Killed ones would be
// back in a moment.
func (d *database) withoutQuorum(do func()) {
	d.Helper()
	names := d.engine.keeperNames()
	lost := names[:len(names)/2+1]
	signal := func(signal string) {
		for _, name := range lost {
			d.SignalServer(name, signal, d.engine.keepers.processes...)
		}
	}
	defer signal("CONT")
	signal("STOP")
	do()
}
