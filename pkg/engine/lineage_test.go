// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// copyOf is a member's data: records that differ from all others, where they come from as its agents wrote it down, and
// which timelines its engine knows.
type copyOf struct {
	records []int
	lineage engine.Lineage
	history engine.Lineage
}

func (c copyOf) point() engine.Point {
	return engine.Point{Lineage: c.lineage, Position: uint64(len(c.records))}
}

// beginning says whether one log is a beginning of another.
func (c copyOf) beginning(of copyOf) bool {
	return len(c.records) <= len(of.records) && slices.Equal(c.records, of.records[:len(c.records)])
}

// past is what happened to a few members: promotions of which others knew nothing, writes, and replication.
type past struct {
	copies [3]copyOf
	// primaries are who was promoted, by epoch.
	primaries []int
	record    int
	steps     []string
}

// beginnings is the past in which one member has made data, and all have it.
func beginnings() past {
	p := past{primaries: []int{-1, 0}, record: 1}
	born := engine.Lineage{{Epoch: 1, Timeline: 1}}
	for i := range p.copies {
		p.copies[i] = copyOf{records: []int{1}, lineage: born, history: born}
	}
	return p
}

// with is the past with one more step: 0-2 a member is promoted, 3-5 one writes, 6-11 one receives from another, 12-17
// one is about to, and notes it. It is false for what cannot be.
func (p *past) with(step int) (next past, ok bool) {
	next = *p
	i := step % 3
	c := p.copies[i]
	switch {
	case step < 3:
		end := uint64(len(c.records))
		next.primaries = append(slices.Clip(p.primaries), i)
		begun := engine.Promotion{
			Epoch: int64(len(p.primaries)), Timeline: c.history[len(c.history)-1].Timeline + 1, Position: end,
		}
		c.lineage, c.history = c.lineage.At(end).With(begun), c.history.At(end).With(begun)
		c = next.write(c)
	case step < 6:
		if p.primaries[c.lineage.Epoch()] != i || c.history.Epoch() != c.lineage.Epoch() {
			return next, false
		}
		c = next.write(c)
	default:
		from := p.copies[(i+step/3-1)%3]
		if step >= 12 {
			from = p.copies[(i+step/3-3)%3]
		}
		if !c.beginning(from) || c.point().Relate(from.lineage) != engine.RelationFollow {
			return next, false
		}
		c.lineage = from.lineage
		if n := len(c.records); step < 12 && n < len(from.records) {
			c.records, c.history = from.records[:n+1:n+1], from.history
		}
	}
	next.copies[i] = c
	did := []string{"promote", "write", "receive", "receive", "note", "note"}[step/3] + string(rune('A'+i))
	next.steps = append(slices.Clip(p.steps), did)
	return next, true
}

func (p *past) write(c copyOf) copyOf {
	p.record++
	c.records = append(slices.Clip(c.records), p.record)
	return c
}

// rewound is what pg_rewind makes of a copy. It knows timeline numbers and where they begin, not who was promoted.
func rewound(mine, theirs copyOf) copyOf {
	a, b := mine.history, theirs.history
	shared := 0
	for shared < min(len(a), len(b)) && a[shared].Timeline == b[shared].Timeline &&
		a[shared].Position == b[shared].Position {
		shared++
	}
	end := uint64(min(len(mine.records), len(theirs.records)))
	for _, l := range []engine.Lineage{a, b} {
		if shared < len(l) {
			end = min(end, l[shared].Position)
		}
	}
	return copyOf{records: mine.records[:end], lineage: theirs.lineage}
}

// check looks at every two members of a past.
func (p *past) check(t *testing.T) {
	t.Helper()
	for i, mine := range p.copies {
		for j, theirs := range p.copies {
			if i == j {
				continue
			}
			relation := mine.point().Relate(theirs.lineage)
			safe := true
			switch relation {
			case engine.RelationFollow:
				// A log that is longer than the primary's is told from a beginning by its position, by the engine itself.
				safe = mine.beginning(theirs) || (len(mine.records) > len(theirs.records) && theirs.beginning(mine))
			case engine.RelationRewind:
				safe = rewound(mine, theirs).beginning(theirs)
			case engine.RelationClone:
			}
			if !safe {
				t.Fatalf("after %v: %c with %v is told to %s %c with %v", p.steps, 'A'+i, mine, relation, 'A'+j, theirs)
			}
		}
	}
}

// TestRelateNeverCorrupts tries every past of a few steps, and some of many.
func TestRelateNeverCorrupts(t *testing.T) {
	t.Parallel()
	var explore func(p past, depth int)
	explore = func(p past, depth int) {
		p.check(t)
		for step := range 18 {
			if next, ok := p.with(step); ok && depth > 0 {
				explore(next, depth-1)
			}
		}
	}
	explore(beginnings(), 4)
	rng := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		p := beginnings()
		for range 12 {
			if next, ok := p.with(rng.IntN(18)); ok {
				p = next
				p.check(t)
			}
		}
	}
}

func TestRelate(t *testing.T) {
	t.Parallel()
	primary := engine.Lineage{{Epoch: 1, Timeline: 1}, {Epoch: 4, Timeline: 2, Position: 100}}
	for name, c := range map[string]struct {
		mine engine.Point
		want engine.Relation
	}{
		"the primary's own past":           {point(90, primary[:1]...), engine.RelationFollow},
		"exactly to the fork":              {point(100, primary[:1]...), engine.RelationFollow},
		"the same branch":                  {point(150, primary...), engine.RelationFollow},
		"noted, not yet received":          {point(90, primary...), engine.RelationFollow},
		"a tail that nobody else had":      {point(101, primary[0]), engine.RelationRewind},
		"a promotion with another number":  {point(130, primary[0], promotion(3, 3, 95)), engine.RelationRewind},
		"a promotion with the same number": {point(130, primary[0], promotion(3, 2, 95)), engine.RelationClone},
		"the same number, and another since": {
			point(130, primary[0], promotion(2, 2, 100), promotion(3, 3, 120)), engine.RelationClone,
		},
		"strangers":                              {point(50, promotion(7, 9, 0)), engine.RelationClone},
		"no past at all":                         {point(50), engine.RelationClone},
		"a promotion beyond its data is no past": {point(90, primary[0], promotion(3, 2, 95)), engine.RelationFollow},
	} {
		if got := c.mine.Relate(primary); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func point(position uint64, lineage ...engine.Promotion) engine.Point {
	return engine.Point{Lineage: lineage, Position: position}
}

func promotion(epoch, timeline int64, position uint64) engine.Promotion {
	return engine.Promotion{Epoch: epoch, Timeline: timeline, Position: position}
}

func TestCompareOutweighsPositionsByPromotions(t *testing.T) {
	t.Parallel()
	first, second := promotion(1, 1, 0), promotion(2, 2, 100)
	ordered := []engine.Point{
		point(0), point(50, first), point(50, first, second), point(120, first), point(100, first, second),
		point(130, first, second),
	}
	for i, a := range ordered {
		for j, b := range ordered {
			same := i == j || (min(i, j) == 1 && max(i, j) == 2) // what is noted and not received does not count
			if got := a.Compare(b); (got < 0) != (i < j && !same) || (got == 0) != same {
				t.Errorf("%v compared with %v = %d", a, b, got)
			}
		}
	}
}

func TestLineageForgetsTheOldest(t *testing.T) {
	t.Parallel()
	var l engine.Lineage
	for epoch := range int64(engine.MaxLineage + 5) {
		l = l.With(promotion(epoch+1, epoch+1, uint64(epoch)))
	}
	if len(l) != engine.MaxLineage || l.Epoch() != engine.MaxLineage+5 {
		t.Errorf("%d promotions up to epoch %d", len(l), l.Epoch())
	}
}
