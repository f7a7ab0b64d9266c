// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"context"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
)

// soak is for how long all members have run a version whose features the set may not use yet.
type soak struct {
	// since is since when all did, zero while not all do; looked is when that was looked at last.
	since, looked time.Time
}

const (
	// lookEvery is how often the members are looked at while they soak.
	lookEvery = 5 * time.Second
	// raiseWithin bounds the change, for which the server looks through its catalogue. It goes on when it is asked again.
	raiseWithin = time.Minute
)

// keepCompatibility raises the set's feature compatibility version when all members have run the plan's version for as
// long as the spec says. The primary counts, and a new one anew: that is later, which is safe.
func (d *Driver) keepCompatibility(ctx context.Context, plan engine.Plan) error {
	found, err := askCompatibility(ctx, d.run.client)
	current := found.Version.Current
	if err != nil || mongodb.Raise(plan.Build, current, []string{d.run.version}) == "" {
		d.soak = soak{}
		return err
	}
	if time.Since(d.soak.looked) < lookEvery {
		return nil
	}
	upgrade, err := mongodb.ParseUpgrade(plan.Files[mongodb.UpgradeFile])
	if err != nil {
		return err
	}
	d.soak.looked = time.Now()
	wanted := mongodb.Raise(plan.Build, current, d.versions(ctx, plan))
	switch {
	case wanted == "":
		d.soak.since = time.Time{}
		return nil
	case d.soak.since.IsZero():
		d.soak.since = time.Now()
	}
	if time.Since(d.soak.since) < upgrade.Soak() {
		return nil
	}
	return d.raise(ctx, wanted)
}

// versions are those that the servers of all members run; nothing while one does not serve, or is not in the set yet.
func (d *Driver) versions(ctx context.Context, plan engine.Plan) (all []string) {
	ctx, cancel := context.WithTimeout(ctx, siblingsWithin)
	defer cancel()
	found := atEach(ctx, d, d.others(plan), func(ctx context.Context, at *mongo.Client) (string, error) {
		v, err := lookAt(ctx, at)
		if err == nil && v.state != mongodb.StateSecondary {
			err = fmt.Errorf("it is in state %d", v.state)
		}
		if err != nil {
			return "", err
		}
		return askVersion(ctx, at)
	})
	if len(found)+1 < len(plan.InShard(0)) {
		return nil
	}
	all = append(all, d.run.version)
	for _, version := range found {
		all = append(all, version)
	}
	return all
}

// raise lets the set use the features of a version. There is no way back without the vendor's help, which servers since
// 7.0 want to hear that we know.
func (d *Driver) raise(ctx context.Context, version string) error {
	ctx, cancel := context.WithTimeout(ctx, raiseWithin)
	defer cancel()
	klog.FromContext(ctx).Info("Raising the feature compatibility version", "to", version)
	command := bson.D{{Key: "setFeatureCompatibilityVersion", Value: version}}
	if mongodb.NeedsConfirmation(d.run.version) {
		command = append(command, bson.E{Key: "confirm", Value: true})
	}
	return tell(ctx, d.run.client, command)
}
