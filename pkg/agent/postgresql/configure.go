// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/postgresql"
)

// configuration remembers which settings the server refused, so that they are tried once and not in every pass.
type configuration struct {
	// tried is the content of ConfigFile that was checked last, complaint what the server said of it; "" when it is good.
	tried     string
	complaint string
	// unread says that files were written since the server was last told to read them.
	unread bool
	// raised are parameters that the primary has higher than the plan.
	raised map[string]string
}

// goodSuffix is of the copy of the last settings that the server took. With it the server starts although the newest
// ones are bad: a wrong parameter must not cost the database.
const goodSuffix = ".good"

// configure writes the configuration files of a member. Settings that the server refuses are left out for the last good
// ones, and the complaint is kept for the report.
func (d *Driver) configure(ctx context.Context, plan engine.Plan, primary string, q engine.Quorum) error {
	files := map[string]string{
		"postgresql.conf": fmt.Sprintf("include '%s'\ninclude '%s'\n",
			postgresql.ConfigFile, postgresql.MemberConfFile),
		"postgresql.auto.conf": "",
		"pg_ident.conf":        "",
		postgresql.MemberConfFile: postgresql.MemberConf(plan, postgresql.MemberSettings{
			Member: d.member, Primary: primary, Quorum: q, Epoch: d.epoch, Raised: d.config.raised,
		}),
	}
	for name, content := range plan.Files {
		if name != postgresql.ConfigFile {
			files[name] = content
		}
	}
	if d.closed {
		files[postgresql.HBAFile] = postgresql.ClosedHBA
	}
	for name, content := range files {
		changed, err := d.volume.write(name, content)
		if err != nil {
			return err
		}
		d.config.unread = d.config.unread || changed
	}
	changed, err := d.configureSettings(ctx, plan.Files[postgresql.ConfigFile])
	d.config.unread = d.config.unread || changed
	return err
}

// reload makes the running server read what was written since the last time. It takes the postmaster's own signal: what
// one failed pass wrote, the next must not take for read.
//
// The postmaster passes the signal on before it accepts another connection. So whoever asks over a new one sees the new
// settings, what of them waits for a restart, and a startup process that reads them before it would receive again; over
// an old one it might still see those before.
func (d *Driver) reload() error {
	if !d.config.unread {
		return nil
	}
	if err := d.server.Signal(syscall.SIGHUP); err != nil {
		return fmt.Errorf("making the server read its settings: %w", err)
	}
	d.config.unread = false
	d.db.close()
	return nil
}

// configureSettings writes the settings that all members share, if the server takes them.
func (d *Driver) configureSettings(ctx context.Context, content string) (changed bool, err error) {
	if content == d.config.tried {
		return false, nil
	}
	if changed, err = d.volume.write(postgresql.ConfigFile, content); err != nil {
		return changed, err
	}
	complaint, err := d.check(ctx)
	if err != nil {
		return changed, err
	}
	d.config.tried, d.config.complaint = content, complaint
	if complaint == "" {
		_, err = d.volume.write(postgresql.ConfigFile+goodSuffix, content)
		return changed, err
	}
	good, err := os.ReadFile(d.volume.file(postgresql.ConfigFile + goodSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil // there never was a good one: the server will not start, and the report says why
	}
	if err != nil {
		return true, fmt.Errorf("reading the last good settings: %w", err)
	}
	_, err = d.volume.write(postgresql.ConfigFile, string(good))
	return false, err
}

// check asks PostgreSQL to read its configuration without starting; the answer is what it complains of, "" for nothing.
func (d *Driver) check(ctx context.Context) (complaint string, err error) {
	said, err := os.CreateTemp("", "postgres-check")
	if err != nil {
		return "", fmt.Errorf("checking the configuration: %w", err)
	}
	defer func() { _ = errors.Join(said.Close(), os.Remove(said.Name())) }()
	cmd := command(program("postgres"), "-D", d.volume.data(), "-C", "data_directory")
	cmd.Stdout, cmd.Stderr = nil, said
	if err := d.await(ctx, cmd); err == nil || ctx.Err() != nil {
		return "", ctx.Err()
	}
	text, err := os.ReadFile(said.Name())
	if err != nil {
		return "", fmt.Errorf("reading what PostgreSQL complains of: %w", err)
	}
	first, _, _ := strings.Cut(string(text), "\n")
	if _, after, found := strings.Cut(first, "LOG:  "); found {
		first = after
	}
	return "the configuration is refused and the last good one stays: " + first, nil
}
