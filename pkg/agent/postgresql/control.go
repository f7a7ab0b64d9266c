// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
)

// control is what pg_controldata says of a data directory, by the words before the colon.
type control map[string]string

// readControl asks PostgreSQL's own program: the layout of the file changes with every version.
func (d *Driver) readControl(ctx context.Context) (control, error) {
	said, err := os.CreateTemp("", "pg_controldata")
	if err != nil {
		return nil, fmt.Errorf("reading the control file: %w", err)
	}
	defer func() { _ = errors.Join(said.Close(), os.Remove(said.Name())) }()
	cmd := command(program("pg_controldata"), "-D", d.volume.data())
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.Stdout, cmd.Stderr = said, os.Stderr
	if err := d.await(ctx, cmd); err != nil {
		return nil, fmt.Errorf("pg_controldata: %w", err)
	}
	text, err := os.ReadFile(said.Name())
	if err != nil {
		return nil, fmt.Errorf("reading the control file: %w", err)
	}
	c := control{}
	for line := range strings.Lines(string(text)) {
		if name, value, found := strings.Cut(line, ":"); found {
			c[name] = strings.TrimSpace(value)
		}
	}
	return c, nil
}

// cleanEnd is the position of the checkpoint with which a primary was shut down cleanly; ok is false for every other
// data. Nothing that was acknowledged comes after it.
func (c control) cleanEnd() (position uint64, ok bool) {
	if c["Database cluster state"] != "shut down" {
		return 0, false
	}
	position, err := parsePosition(c["Latest checkpoint location"])
	return position, err == nil
}
