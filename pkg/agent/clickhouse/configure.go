// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	chgo "github.com/ClickHouse/clickhouse-go/v2"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

const hashSize = sha256.Size

// certificatesPending is what a server that does not read its certificates again waits for, beside parameters.
const certificatesPending = "certificates"

// configuration is what the server was told.
type configuration struct {
	// started are the files that it was started with, written those that are there now: it has taken over of them what it
	// takes without a restart.
	started, written map[string]string
	// shared are the files of the plan among those that it was started with.
	shared map[string]string
	// tried are the plan's files that were judged last, complaint what the server said of them; "" when they are good.
	tried     map[string]string
	complaint string
	// pending are the settings that wait for a restart.
	pending []string
	// stillborn counts the servers in a row that died before they took a connection, although there were keepers.
	stillborn int
	// certificates is a hash of those that it was started with.
	certificates [hashSize]byte
}

// goodFile has the last of the plan's files that the server took. With them it starts although the newest are bad: a
// wrong parameter must not cost the database.
const goodFile = "clickhouse.good"

// begin takes note of what a server is started with.
func (c *configuration) begin(plan engine.Plan, files map[string]string) {
	c.started, c.written, c.shared, c.pending = files, files, map[string]string{}, nil
	for name := range plan.Files {
		if content, ours := files[name]; ours {
			c.shared[name] = content
		}
	}
}

// distrust takes note that the server died before it took a connection. Its settings may be why, or keepers that came
// back only since: so once is no proof.
func (c *configuration) distrust() {
	c.stillborn++
	if c.complaint == "" && c.stillborn > 1 {
		c.tried, c.complaint = c.shared, "the server does not start with the configuration, its log says why"
	}
}

// choose gives the files for a server that is about to start: the last good ones of the plan's when it does not take
// those that there are.
func (d *Driver) choose(plan engine.Plan) (map[string]string, error) {
	files, err := d.files(plan)
	if err != nil || d.config.complaint == "" || !sharesAll(files, d.config.tried) {
		return files, err
	}
	encoded, err := os.ReadFile(d.volume.file(goodFile))
	if errors.Is(err, fs.ErrNotExist) {
		return files, nil // there never were good ones: the server will not start, and the report says why
	}
	var good map[string]string
	if err == nil {
		err = json.Unmarshal(encoded, &good)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last good settings: %w", err)
	}
	maps.Copy(files, good)
	return files, nil
}

// sharesAll says whether all of some files are among others.
func sharesAll(files, some map[string]string) bool {
	for name, content := range some {
		if files[name] != content {
			return false
		}
	}
	return len(some) > 0
}

// files are all that the server reads by the plan.
func (d *Driver) files(plan engine.Plan) (map[string]string, error) {
	password, err := membersPassword(d.options.CertificateDirectory)
	if err != nil {
		return nil, err
	}
	return clickhouse.ServerFiles(plan, d.options.Member, clickhouse.Own{
		Address: d.options.Address, Agent: d.password, Members: password,
	})
}

// write writes files below a directory. No one but the agent's user may read them.
func write(directory string, files map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(files)) {
		path := filepath.Join(directory, name)
		if err := os.MkdirAll(filepath.Dir(path), dataMode); err != nil {
			return fmt.Errorf("making the directory of a configuration: %w", err)
		}
		if err := os.WriteFile(path+".new", []byte(files[name]), secretMode); err != nil {
			return fmt.Errorf("writing a configuration: %w", err)
		}
		if err := os.Rename(path+".new", path); err != nil {
			return fmt.Errorf("writing a configuration: %w", err)
		}
	}
	return nil
}

// keepFiles has the running server take over the plan's files, as far as it does without a restart. What it refuses is
// asked of it once, and then it has the files again that it had.
func (d *Driver) keepFiles(ctx context.Context, plan engine.Plan) error {
	c := &d.config
	wanted, err := d.files(plan)
	if err != nil {
		return err
	}
	if c.complaint != "" && sharesAll(wanted, c.tried) {
		return nil
	}
	if !maps.Equal(wanted, c.written) {
		if c.complaint, err = d.tell(ctx, wanted); err != nil {
			return fmt.Errorf("having the server read its configuration: %w", err)
		}
		if c.complaint != "" {
			c.tried = planned(plan, wanted)
			return d.tellAgain(ctx)
		}
		c.written = wanted
		if err := d.good(planned(plan, wanted)); err != nil {
			return err
		}
	}
	dialect, _ := clickhouse.DialectOf(plan.Build)
	if c.pending, err = dialect.Waiting(c.started, wanted); err != nil {
		return err
	}
	if !dialect.ReloadsCertificates && c.certificates != certificates(d.options.CertificateDirectory) {
		c.pending = append(c.pending, certificatesPending)
	}
	return nil
}

// planned are the plan's own files among others.
func planned(plan engine.Plan, files map[string]string) map[string]string {
	own := map[string]string{}
	for name := range plan.Files {
		if content, ours := files[name]; ours {
			own[name] = content
		}
	}
	return own
}

// tell writes files and has the server read them; what it says against them is no error but a complaint. That a new
// member has no address yet says nothing against them, and is an error for as long as that lasts.
func (d *Driver) tell(ctx context.Context, files map[string]string) (complaint string, err error) {
	if err := write(d.options.ConfigDirectory, files); err != nil {
		return "", err
	}
	err = d.client.Exec(ctx, "SYSTEM RELOAD CONFIG")
	if refusal := new(chgo.Exception); errors.As(err, &refusal) && !strings.Contains(refusal.Message, "DNS") {
		return "the configuration is refused and the last good one stays: " + brief(refusal.Message), nil
	}
	return "", err
}

// tellAgain gives the server back what it had.
func (d *Driver) tellAgain(ctx context.Context) error {
	if complaint, err := d.tell(ctx, d.config.written); err != nil || complaint != "" {
		return fmt.Errorf("going back to the last good configuration: %w", errors.Join(err, errors.New(complaint)))
	}
	return nil
}

// brief cuts what a server says of itself to what a report has room for. Such a text begins with what is wrong.
func brief(message string) string {
	const most = 300
	if len(message) > most {
		return message[:most] + "…"
	}
	return message
}

// trust takes note that the server runs with its settings. Those that were blamed for a death are good if they are what
// it runs with: a member whose name has no address keeps an old server from starting too.
func (d *Driver) trust() error {
	if d.accepted {
		return nil
	}
	c := &d.config
	d.accepted, c.stillborn = true, 0
	if maps.Equal(c.tried, c.shared) {
		c.complaint = ""
	}
	return d.good(c.shared)
}

// good keeps the plan's files that the server took for a start at which those of then are bad. There is no secret in
// them.
func (d *Driver) good(shared map[string]string) error {
	encoded, err := json.Marshal(shared)
	if err != nil {
		return fmt.Errorf("encoding the last good settings: %w", err)
	}
	return volumes.WriteDurably(d.volume.file(goodFile), encoded)
}

// certificates is a hash of those that are mounted. One that is missing counts as empty.
func certificates(directory string) [hashSize]byte {
	h := sha256.New()
	for _, key := range []string{
		resource.CACertKey, resource.ServerCertKey, resource.ServerKeyKey, resource.ClientCertKey, resource.ClientKeyKey,
	} {
		content, _ := os.ReadFile(filepath.Join(directory, key))
		_, _ = h.Write(content) // a hash never fails
	}
	return [hashSize]byte(h.Sum(nil))
}
