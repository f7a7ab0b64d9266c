// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

// strike does harm that nobody announced: under load, unless writes that the member has just acknowledged may be lost
// with it. It hands over what waits until writes go on.
func (d *database) strike(harm func(goOn func())) {
	d.Helper()
	if d.engine.has(durableAcknowledgement) {
		d.underLoad(harm)
		return
	}
	d.mustHaveAll(readOnly)
	harm(func() { d.write(1) })
	d.mustBeWhole()
}

func survivesKill(d *database) {
	d.strike(func(goOn func()) {
		d.KillServer(d.victim().Name, d.engine.process)
		goOn()
	})
}

func survivesPodDeletion(d *database) {
	d.underLoad(func(goOn func()) {
		d.DeletePod(d.victim().Name)
		goOn()
	})
}

// survivesNodeLoss takes the power of a node. The others go on without it, as far as they are enough, and when it is
// back all is as it was.
func survivesNodeLoss(d *database) {
	d.strike(func(goOn func()) {
		victim := d.victim()
		before := d.Container(victim.Name)
		giveBack := d.LoseNode(victim.Node)
		if d.engine.has(margin) {
			goOn()
		}
		giveBack()
		d.AwaitOtherContainer(victim.Name, before)
	})
}
