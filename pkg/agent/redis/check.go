// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// unknownSetting is one that no server knows.
const unknownSetting = "atlasdb-end-of-the-configuration"

// check asks the server what it thinks of settings; the answer is what it complains of, "" for nothing. It has no way
// to check a configuration but to start with it, and stops at the first line that it does not understand: so that is
// the one after the last.
func (d *Driver) check(ctx context.Context, content string) (complaint string, err error) {
	path := filepath.Join(d.options.SocketDirectory, "check.conf")
	if err := os.WriteFile(path, []byte(content+unknownSetting+"\n"), 0o600); err != nil {
		return "", fmt.Errorf("checking the configuration: %w", err)
	}
	said, err := os.CreateTemp(d.options.SocketDirectory, "check")
	if err != nil {
		return "", fmt.Errorf("checking the configuration: %w", err)
	}
	defer func() { _ = errors.Join(said.Close(), os.Remove(said.Name())) }()
	cmd := command(d.program(), path)
	cmd.Stderr, cmd.Dir = said, d.options.SocketDirectory
	server, err := d.options.Reaper.Start(cmd)
	if err != nil {
		return "", err
	}
	select {
	case <-server.Done():
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), server.Signal(syscall.SIGKILL))
	}
	text, err := os.ReadFile(said.Name())
	if err != nil {
		return "", fmt.Errorf("reading what the server complains of: %w", err)
	}
	return complaintIn(string(text)), nil
}

// complaintIn reads what a server says when it does not take its configuration: a heading, the number of the line, then
// the line itself, and what is wrong with it.
func complaintIn(said string) string {
	lines := strings.Split(strings.TrimSpace(said), "\n")
	line, wrong := lines[max(0, len(lines)-2)], lines[len(lines)-1]
	if strings.Contains(line, unknownSetting) {
		return ""
	}
	return fmt.Sprintf("the configuration is refused and the last good one stays: %s: %s",
		strings.Trim(line, "> '"), strings.TrimSpace(wrong))
}
