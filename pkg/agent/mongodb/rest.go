// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// rest is the time after the death of a server.
type rest struct {
	// began is since when no server runs.
	began time.Time
	// term is the last term that it knew of. bequeathed says that a member was asked to stand for election in its place.
	term       int64
	bequeathed bool
}

// observeRest finds out whether another member should be asked to stand for election: the server was primary and died,
// and nobody is primary in its place yet. What it had acknowledged by a majority others have, and whoever is elected
// has it; so nothing keeps this member from starting again meanwhile. After the election timeout the others know.
func (d *Driver) observeRest(ctx context.Context, o *runbook.Observation) error {
	if d.rest.bequeathed || time.Since(d.rest.began) > mongodb.ElectionTimeout || !o.Volume.HasData {
		return nil
	}
	m, _, err := d.volume.mark()
	if err != nil || !m.Led {
		return err
	}
	o.Volume.Heir, o.Volume.Resting = d.heir(ctx, o.Plan)
	return nil
}

// heir is the member that should be asked, of those that answer.
func (d *Driver) heir(ctx context.Context, plan engine.Plan) (member string, found bool) {
	var bereaved []mongodb.Bereaved
	others := d.others(plan)
	told := d.lookAround(ctx, others)
	for _, m := range others {
		if v, ok := told[m]; ok {
			bereaved = append(bereaved, mongodb.Bereaved{
				Member: m.Name, Leads: v.leads, Term: v.term, State: v.state, Electable: v.electable(), Optime: v.position(),
			})
		}
	}
	return mongodb.Heir(d.rest.term, bereaved)
}

// bequeath has a member stand for election in the place of this one, whose server is dead (replSetStepUp). It still
// needs the votes of a majority, which it gets only if it has all that one of them has.
func (d *Driver) bequeath(ctx context.Context, t runbook.Task) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	d.rest.bequeathed = true
	member, planned := t.Plan.Member(t.Primary)
	if !planned {
		return fmt.Errorf("%s is no member", t.Primary)
	}
	return d.at(ctx, member, stepUp(ctx))
}

// stepUp asks a server to stand for election at once, as a primary that steps down asks one of its secondaries
// (electionMetrics.stepUpCmd of https://www.mongodb.com/docs/manual/reference/command/serverStatus/).
func stepUp(ctx context.Context) func(*mongo.Client) error {
	return func(c *mongo.Client) error { return tell(ctx, c, bson.D{{Key: "replSetStepUp", Value: 1}}) }
}
