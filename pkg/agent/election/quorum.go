// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package election

import (
	"slices"
	"time"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// slowness is since when members have been behind, or level again after that.
type slowness struct {
	since map[string]time.Duration
	slow  map[string]bool
}

const (
	// slowAfter is how long a member may be behind before writes no longer count on it, levelAfter how long it must be
	// level before they do again: each change is a write to the Lease and a new setting of the engine.
	slowAfter  = 10 * time.Second
	levelAfter = 3 * time.Second
)

// observe takes one look at who is attached.
func (s *slowness) observe(members, attached []string, now time.Duration) {
	if s.since == nil {
		s.since, s.slow = map[string]time.Duration{}, map[string]bool{}
	}
	for _, m := range members {
		if slices.Contains(attached, m) != s.slow[m] {
			delete(s.since, m)
			continue
		}
		if _, counting := s.since[m]; !counting {
			s.since[m] = now
		}
		after := slowAfter
		if s.slow[m] {
			after = levelAfter
		}
		if now-s.since[m] >= after {
			s.slow[m] = !s.slow[m]
			delete(s.since, m)
		}
	}
}

// quorumOf is the quorum that this primary should enforce: a slow member leaves it only while enough others remain, for
// else writes must wait (PROTOCOL I6a).
func (e *Elector) quorumOf() engine.Quorum {
	full := e.fullQuorum()
	if full.None() {
		return full
	}
	for _, m := range e.plan.others(e.Member) {
		if e.tenure.slow.slow[m] && len(full.Members) > full.Count {
			full.Members = without(full.Members, m)
		}
	}
	if now := e.tenure.quorum; !now.None() && full.Count > now.Count && len(e.facts.Attached) < full.Count-1 {
		full.Count = now.Count // members are being added: writes go on as before until enough of them are there
	}
	return full
}

// keepQuorum changes the commit quorum, one thing at a time: what becomes weaker is written into the Lease before the
// engine may rely on it; what becomes stronger only when a barrier was flushed by it (wanted, in tenure.go).
func (e *Elector) keepQuorum(now time.Duration) {
	t, f := e.tenure, e.facts
	t.slow.observe(e.plan.others(e.Member), f.Attached, now)
	wanted := e.quorumOf()
	switch {
	case t.weakened != nil:
		if !e.record.Quorum.Equal(*t.weakened) {
			return
		}
		// The wish may have changed while the Lease was being written.
		if weaker := e.record.Quorum.Weaken(wanted); !weaker.Equal(e.record.Quorum) {
			t.weakened = &weaker
			return
		}
		t.quorum, t.weakened = wanted, nil
	case wanted.Equal(t.quorum):
	case f.Enforced.Equal(t.quorum) && f.Flushed.Equal(t.quorum) && e.record.Quorum.Equal(t.quorum):
		weaker := t.quorum.Weaken(wanted)
		t.weakened = &weaker
	}
}

// durability is what an acknowledgement by this primary is worth.
func (e *Elector) durability() v1alpha1.EffectiveDurability {
	t, majority := e.tenure, e.fullQuorum().Count
	if majority == 0 || e.facts.Leading != t.epoch || e.facts.Enforced.Count < majority ||
		e.record.Quorum.Count < majority {
		return v1alpha1.EffectiveNone
	}
	return v1alpha1.EffectiveMajority
}
