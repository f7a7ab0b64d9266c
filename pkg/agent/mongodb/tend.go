// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// tendWithin bounds a tending but for a change of the set: probes and watches must not wait.
const tendWithin = 10 * time.Second

// Tend keeps the running server as the plan says, and the set too where this is its primary.
func (d *Driver) Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (t runbook.Tended, err error) {
	err = d.tendAll(ctx, d.keepCertificates, func(ctx context.Context) error { return d.keepSettings(ctx, plan) })
	t.Pending = d.config.pending
	if err != nil {
		return t, err
	}
	if d.view.leads {
		err = d.tendAll(ctx,
			func(ctx context.Context) error { return d.keepWriteConcern(ctx, plan) },
			func(ctx context.Context) error { return d.keepUsers(ctx, plan) })
		if err == nil {
			err = d.keepCompatibility(ctx, plan)
		}
		if err != nil {
			return t, err
		}
	}
	t.More, err = d.move(ctx, o)
	return t, err
}

// tendAll does things one after the other, up to the first that fails.
func (d *Driver) tendAll(ctx context.Context, all ...func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, tendWithin)
	defer cancel()
	for _, do := range all {
		if err := do(ctx); err != nil {
			return err
		}
	}
	return nil
}

// keepSettings gives the running server the plan's settings, as far as it takes them without a restart. What it refuses
// is asked of it once.
func (d *Driver) keepSettings(ctx context.Context, plan engine.Plan) error {
	c, content := &d.config, plan.Files[mongodb.ConfigFile]
	if content == c.tried && c.complaint != "" {
		return nil
	}
	wanted, err := mongodb.ParseConfig(content)
	if err != nil {
		return err
	}
	live, pending := mongodb.Changes(c.running, wanted)
	complaint, err := d.setAll(ctx, live)
	if err != nil {
		return err
	}
	if c.tried, c.complaint = content, complaint; complaint != "" {
		return nil
	}
	if c.pending = pending; len(pending) > 0 || len(live) == 0 {
		return nil // what nobody has started with yet is not known to be good
	}
	return d.good(content)
}

// setAll sets parameters of the running server; what that answers against one is no error but a complaint.
func (d *Driver) setAll(ctx context.Context, live map[string]any) (complaint string, err error) {
	for name, to := range live {
		err := tell(ctx, d.run.client, bson.D{{Key: "setParameter", Value: 1}, {Key: name, Value: to}})
		if said := mongo.ServerError(nil); errors.As(err, &said) {
			return "the configuration is refused and the last good one stays: " + brief(err), nil
		}
		if err != nil {
			return "", fmt.Errorf("setting %s: %w", name, err)
		}
		d.config.running.Took(name, to)
	}
	return "", nil
}

// brief cuts what a server says to what a report has room for. Such a text begins with what is wrong.
func brief(err error) string {
	const most = 300
	if said := err.Error(); len(said) > most {
		return said[:most] + "…"
	}
	return err.Error()
}

// keepCertificates makes the server read its certificates again when the mounted ones have changed
// (https://www.mongodb.com/docs/manual/reference/command/rotateCertificates/). The agent believes in the new authority
// from then on.
func (d *Driver) keepCertificates(ctx context.Context) error {
	mounted, err := d.certificates()
	if err != nil || mounted.hash() == d.config.certificates {
		return err
	}
	hash, err := d.writeCertificates()
	if err != nil {
		return err
	}
	if err := tell(ctx, d.run.client, bson.D{{Key: "rotateCertificates", Value: 1}}); err != nil {
		return fmt.Errorf("making the server read its certificates: %w", err)
	}
	d.config.certificates = hash
	d.disconnect(ctx)
	return errors.Join(d.siblings.keep(ctx, nil), d.reach(ctx))
}

// waitsForMajority says whether the writes of clients that do not say what they wait for wait for a majority.
func (d *Driver) waitsForMajority(ctx context.Context) (bool, error) {
	found, err := ask[writeConcern](ctx, d.run.client, mongodb.AuthDatabase,
		bson.D{{Key: "getDefaultRWConcern", Value: 1}})
	return found.Default.W == majority, err
}

const majority = "majority"

// keepWriteConcern makes the writes of clients wait for what the plan says
// (https://www.mongodb.com/docs/manual/reference/command/setDefaultRWConcern/).
func (d *Driver) keepWriteConcern(ctx context.Context, plan engine.Plan) error {
	waits, err := d.waitsForMajority(ctx)
	if wanted := plan.Durability == v1alpha1.DurabilityMajority; err != nil || waits == wanted {
		return err
	}
	var w any = 1
	if !waits {
		w = majority
	}
	return tell(ctx, d.run.client, bson.D{
		{Key: "setDefaultRWConcern", Value: 1}, {Key: "defaultWriteConcern", Value: bson.D{{Key: "w", Value: w}}},
	})
}
