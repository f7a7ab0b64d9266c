// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// configuration is what the members share of their settings, as far as this one has taken it over.
type configuration struct {
	// running is what the server runs with: what it was started with, and what was set since.
	running map[string]string
	// started is the content of the file that it was started with.
	started string
	// tried is the content that was judged last, complaint what the server said of it; "" when it is good.
	tried, complaint string
	// pending are the settings that wait for a restart.
	pending []string
	// certificates are those that the server has read.
	certificates [hashSize]byte
}

// goodSuffix is of the copy of the last settings that the server took. With it the server starts although the newest
// ones are bad: a wrong parameter must not cost the database.
const goodSuffix = ".good"

// wanted is what the plan says, by name; nothing of a file that cannot be read.
func wanted(plan engine.Plan) map[string]string {
	settings, err := redis.ParseConfig(plan.Files[redis.ConfigFile])
	if err != nil {
		return nil
	}
	return settings
}

// formOf is how a server with these settings writes its data to the disk.
func formOf(settings map[string]string) form {
	switch {
	case settings["appendonly"] == "yes":
		return formLog
	case settings["save"] != "":
		return formSnapshot
	}
	return formNothing
}

func (c *configuration) form() form { return formOf(c.running) }

// configure writes the files for a server that is about to start, and gives the path of the one that it is started
// with.
func (d *Driver) configure(ctx context.Context, plan engine.Plan) (path string, err error) {
	s, _, err := d.volume.state()
	if err != nil {
		return "", err
	}
	if err := d.writeUsers(plan); err != nil {
		return "", err
	}
	content, err := d.chooseSettings(ctx, plan)
	if err != nil {
		return "", err
	}
	running, err := redis.ParseConfig(content)
	if err != nil {
		return "", err
	}
	own, err := d.ownSettings(plan)
	if err != nil {
		return "", err
	}
	// A server reads its log when it is to write one, even if that is not there yet and its data is in a snapshot. So it
	// starts with what it has, and is told afterwards what it shall write (Tend).
	running["appendonly"] = appends(s.Form)
	own["appendonly"] = running["appendonly"]
	if s.Form == formNothing {
		if err := d.volume.clear(); err != nil { // snapshots that came with copies, of which none is the last
			return "", err
		}
	}
	d.config.running, d.config.started = running, content
	_, d.config.certificates = d.certificates()
	path = filepath.Join(d.options.SocketDirectory, redis.MemberConfFile)
	return path, errors.Join(
		volumes.WriteDurably(d.volume.file(redis.ConfigFile), []byte(content)),
		volumes.WriteDurably(path, []byte(redis.MemberConf(d.volume.file(redis.ConfigFile), own))))
}

func appends(f form) string {
	if f == formLog {
		return "yes"
	}
	return "no"
}

// ownSettings are those in which members differ. The file with them is the agent's alone, since it has a password.
func (d *Driver) ownSettings(plan engine.Plan) (map[string]string, error) {
	password, err := d.replicationPassword()
	if err != nil {
		return nil, err
	}
	own := map[string]string{
		"dir":            d.volume.data(),
		"unixsocket":     d.access.Socket,
		"unixsocketperm": "700",
		"aclfile":        filepath.Join(d.options.SocketDirectory, redis.UsersFile),
		"masteruser":     redis.ReplicationUser,
		"masterauth":     password,
	}
	member, planned := plan.Member(d.options.Member)
	if planned {
		own["replica-announce-ip"] = member.Host
	}
	if d.options.Clustered {
		own["cluster-announce-hostname"] = member.Host
		own["cluster-config-file"] = d.volume.file(nodesFile)
	} else {
		own["replicaof"] = nobodyHost + " " + nobodyPort
	}
	maps.Copy(own, quorumSettings(d.options.Member, plan.QuorumOf(member.Shard)))
	return own, nil
}

// replicationPassword is what members say to each other.
func (d *Driver) replicationPassword() (string, error) {
	password, err := os.ReadFile(filepath.Join(d.options.CertificateDirectory, resource.ReplicationPasswordKey))
	if err != nil {
		return "", fmt.Errorf("reading the members' password: %w", err)
	}
	return strings.TrimSpace(string(password)), nil
}

// chooseSettings gives the plan's settings, or the last good ones when the server does not take those.
func (d *Driver) chooseSettings(ctx context.Context, plan engine.Plan) (string, error) {
	content := plan.Files[redis.ConfigFile]
	if content != d.config.tried {
		complaint, err := d.check(ctx, content)
		if err != nil {
			return "", err
		}
		d.config.tried, d.config.complaint = content, complaint
	}
	if d.config.complaint == "" {
		return content, nil
	}
	good, err := os.ReadFile(d.volume.file(redis.ConfigFile + goodSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return content, nil // there never was a good one: the server will not start, and the report says why
	}
	if err != nil {
		return "", fmt.Errorf("reading the last good settings: %w", err)
	}
	return string(good), nil
}

// distrust takes note that the server died before it took a connection. Its settings may be why.
func (c *configuration) distrust() {
	if c.complaint == "" {
		c.tried, c.complaint = c.started, "the server does not start with the configuration, its log says why"
	}
}

// trust takes note that the server runs with its settings.
func (d *Driver) trust() error {
	if d.run.accepted {
		return nil
	}
	d.run.accepted = true
	return d.good(d.config.started)
}

// good keeps the settings that the server runs with for a start at which the plan's are bad.
func (d *Driver) good(content string) error {
	return volumes.WriteDurably(d.volume.file(redis.ConfigFile+goodSuffix), []byte(content))
}
