// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import "github.com/atlasdb/atlasdb/pkg/engine"

// standing is what the engine must be. The zero Standing means that nothing can be said yet, and so nothing is done.
func (e *Elector) standing() engine.Standing {
	if e.tenure != nil {
		return e.ownStanding()
	}
	bound := max(e.promised, e.yielding)
	holder := e.record.HolderMember()
	switch {
	case !e.known:
		return engine.Standing{}
	case e.resumable() && e.eligible():
		return engine.Standing{} // about to take the Lease back; a start as replica would cost a new timeline
	case holder == e.Member:
		return engine.Standing{Part: engine.PartNobody}
	case e.yielding > 0 || (bound > 0 && (holder == "" || e.record.Epoch < bound) && e.followed.Epoch < bound):
		return engine.Standing{Part: engine.PartYield, Epoch: bound}
	case holder == "" && e.followed.Part == "":
		return engine.Standing{Part: engine.PartNobody} // nobody ever was, or not in this agent's life
	case holder == "":
		return e.followed // its engine is dead, or nobody knows; nobody else is worth receiving from
	}
	e.followed = engine.Standing{Part: engine.PartFollow, Epoch: e.record.Epoch, Primary: holder}
	return e.followed
}

// ownStanding is that of the holder.
func (e *Elector) ownStanding() engine.Standing {
	if e.tenure.phase == leading && e.forgot() {
		return engine.Standing{Part: engine.PartNobody}
	}
	return e.tenure.standing()
}

// resumable says that this member was primary until its agent, its container or its hold on the Lease ended, and that
// nobody can have been since: the Lease still names it, no engine of its earlier life is left (it has the volume's
// lock), and its data is a primary's that has followed the last promotion. All that it acknowledged is on its own disk,
// so it goes on without a vote and without a new timeline.
func (e *Elector) resumable() bool {
	f := e.facts
	return e.record.HolderMember() == e.Member && f.Locked && f.HasData && !f.Standby &&
		f.Point.Lineage.Epoch() == e.record.Lineage.Epoch() && f.Point.Lineage.Epoch() > 0
}

// proves says whether the facts were seen by a loop that carries out a standing, and so show what became of it.
func (e *Elector) proves(s engine.Standing) bool {
	return e.factsUnder.Part == s.Part && e.factsUnder.Epoch == s.Epoch
}

// still says whether the engine receives from nobody and accepts nothing, and its position is known to the last byte.
func still(f engine.Facts) bool {
	return f.Locked && !f.Receiving && f.Leading == 0 && (f.Exact || !f.HasData)
}
