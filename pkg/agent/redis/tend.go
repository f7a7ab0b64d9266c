// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"crypto/sha256"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Tend keeps the running server as the plan says.
func (d *Driver) Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (t runbook.Tended, err error) {
	ctx, cancel := context.WithTimeout(ctx, stepWithin)
	defer cancel()
	d.users.closed = o.Closed
	d.run.hear(o.Primary)
	if err := d.keepUsers(ctx, plan); err != nil {
		return t, err
	}
	if err := d.keepSettings(ctx, plan); err != nil {
		return t, err
	}
	err = d.keepCertificates(ctx)
	return runbook.Tended{Pending: d.config.pending}, err
}

// keepSettings gives the running server the plan's settings, as far as it takes them without a restart. It takes all of
// them at once or none, and what it refuses is asked of it once.
func (d *Driver) keepSettings(ctx context.Context, plan engine.Plan) (err error) {
	c := &d.config
	content := plan.Files[redis.ConfigFile]
	judged := content == c.tried
	if judged && c.complaint != "" {
		return nil
	}
	live, pending := redis.Changes(c.running, wanted(plan))
	if judged && len(live) == 0 {
		c.pending = pending
		return nil
	}
	complaint, err := d.check(ctx, content)
	if err == nil && complaint == "" {
		complaint, err = d.tryToSet(ctx, live)
	}
	if err != nil {
		return err
	}
	c.tried, c.complaint = content, complaint
	if complaint != "" {
		return nil
	}
	maps.Copy(c.running, live)
	c.pending = pending
	if len(pending) > 0 {
		return nil // what nobody has started with yet is not known to be good
	}
	return d.good(content)
}

// tryToSet sets what can be set without a restart; what the server answers to it is no error but a complaint.
func (d *Driver) tryToSet(ctx context.Context, live map[string]string) (complaint string, err error) {
	if len(live) == 0 {
		return "", nil
	}
	err = d.set(ctx, live)
	if refused, ok := refusal(err); ok {
		return "the configuration is refused and the last good one stays: " + refused, nil
	}
	return "", err
}

// set sets some settings, all or none.
func (d *Driver) set(ctx context.Context, settings map[string]string) error {
	arguments := []any{"CONFIG", "SET"}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		arguments = append(arguments, name, settings[name])
	}
	return d.client.Do(ctx, arguments...).Err()
}

// refusal is what the server itself said against a command; ok is false when it said nothing.
func refusal(err error) (said string, ok bool) {
	if err == nil {
		return "", false
	}
	said, ok = strings.CutPrefix(err.Error(), "ERR ")
	return said, ok
}

const hashSize = sha256.Size

// keepCertificates makes the server read its certificates again when the mounted ones have changed. To set the name of
// one to what it is does that.
func (d *Driver) keepCertificates(ctx context.Context) error {
	names, now := d.certificates()
	if names == nil || now == d.config.certificates {
		return nil
	}
	if err := d.set(ctx, names); err != nil {
		return fmt.Errorf("making the server read its certificates: %w", err)
	}
	d.config.certificates = now
	return nil
}

// certificates are the settings that name the mounted certificates, and a hash of these; nothing when one is missing:
// the next look sees the whole of a rotation.
func (d *Driver) certificates() (names map[string]string, hash [hashSize]byte) {
	h, names := sha256.New(), map[string]string{
		"tls-ca-cert-file": resource.CACertKey, "tls-cert-file": resource.ServerCertKey,
		"tls-key-file": resource.ServerKeyKey,
	}
	if d.options.Clustered {
		names["tls-client-cert-file"], names["tls-client-key-file"] = resource.ClientCertKey, resource.ClientKeyKey
	}
	for _, setting := range slices.Sorted(maps.Keys(names)) {
		names[setting] = filepath.Join(d.options.CertificateDirectory, names[setting])
		content, err := os.ReadFile(names[setting])
		if err != nil {
			return nil, hash
		}
		_, _ = h.Write(content) // a hash never fails
	}
	return names, [hashSize]byte(h.Sum(nil))
}
