// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// configuration is what the server was told.
type configuration struct {
	// running is what it runs with: what it was started with, and what was set since. started is the content of the file
	// that it was started with.
	running mongodb.Settings
	started string
	// tried is the content that was judged last, complaint what the server said of it; "" when it is good.
	tried, complaint string
	// pending are the settings that wait for a restart.
	pending []string
	// stillborn counts the servers in a row that died before they took a connection.
	stillborn int
	// certificates is a hash of those that the server has read.
	certificates [hashSize]byte
}

const hashSize = sha256.Size

// goodSuffix is of the copy of the last settings that the server took. With it the server starts although the newest
// ones are bad: a wrong parameter must not cost the database.
const goodSuffix = ".good"

// configure writes the files for a server that is about to start, and gives the path of the one that it is started
// with. What is secret lies in memory, for the agent's user alone.
func (d *Driver) configure(plan engine.Plan) (path string, err error) {
	content, err := d.choose(plan)
	if err != nil {
		return "", err
	}
	running, err := mongodb.ParseConfig(content)
	if err != nil {
		return "", err
	}
	key, err := keyOf(d.options.CertificateDirectory)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(d.options.RunDirectory, dataMode); err != nil {
		return "", fmt.Errorf("making the server's directory: %w", err)
	}
	certificates, err := d.writeCertificates()
	if err != nil {
		return "", err
	}
	d.config.running, d.config.started, d.config.pending = running, content, nil
	d.config.certificates = certificates
	path = d.path(mongodb.ConfigFile)
	// Members refuse a keyfile that others could read.
	return path, errors.Join(d.write(filepath.Base(mongodb.KeyFilePath), key), d.write(mongodb.ConfigFile, content))
}

// choose gives the plan's settings, or the last good ones when the server does not take those.
func (d *Driver) choose(plan engine.Plan) (string, error) {
	content := plan.Files[mongodb.ConfigFile]
	if d.config.complaint == "" || content != d.config.tried {
		return content, nil
	}
	good, err := os.ReadFile(d.volume.file(mongodb.ConfigFile + goodSuffix))
	if errors.Is(err, fs.ErrNotExist) {
		return content, nil // there never were good ones: the server will not start, and the report says why
	}
	if err != nil {
		return "", fmt.Errorf("reading the last good settings: %w", err)
	}
	return string(good), nil
}

// distrust takes note that the server died before it took a connection. Its settings may be why; once is no proof.
func (c *configuration) distrust() {
	c.stillborn++
	if c.complaint == "" && c.stillborn > 1 {
		c.tried, c.complaint = c.started, "the server does not start with the configuration, its log says why"
	}
}

// trust takes note that the server runs with its settings.
func (d *Driver) trust() error {
	if d.run.accepted {
		return nil
	}
	d.run.accepted, d.config.stillborn = true, 0
	return d.good(d.config.started)
}

// good keeps the settings that the server runs with for a start at which the plan's are bad. No secret is among them.
func (d *Driver) good(content string) error {
	return volumes.WriteDurably(d.volume.file(mongodb.ConfigFile+goodSuffix), []byte(content))
}

// path is where a file is that the server reads.
func (d *Driver) path(name string) string { return filepath.Join(d.options.RunDirectory, name) }

// write writes such a file, at once or not at all. No one but the agent's user may read it.
func (d *Driver) write(name, content string) error {
	if err := os.WriteFile(d.path(name+".new"), []byte(content), 0o600); err != nil {
		return fmt.Errorf("writing what the server reads: %w", err)
	}
	if err := os.Rename(d.path(name+".new"), d.path(name)); err != nil {
		return fmt.Errorf("writing what the server reads: %w", err)
	}
	return nil
}

// writeCertificates writes the server's key and certificate into one file, as it wants them, and gives a hash of all
// that it reads.
func (d *Driver) writeCertificates() (hash [hashSize]byte, err error) {
	mounted, err := d.certificates()
	if err != nil {
		return hash, err
	}
	key, certificate := mounted[resource.ServerKeyKey], mounted[resource.ServerCertKey]
	return mounted.hash(), d.write(filepath.Base(mongodb.CertificatePath), key+certificate)
}

// mounted are the certificates of the member, by file name.
type mounted map[string]string

func (m mounted) hash() [hashSize]byte {
	return sha256.Sum256([]byte(m[resource.CACertKey] + m[resource.ServerCertKey] + m[resource.ServerKeyKey]))
}

// certificates reads what is mounted; nothing when one is missing: the next look sees the whole of a rotation.
func (d *Driver) certificates() (mounted, error) {
	found := mounted{}
	for _, key := range []string{resource.CACertKey, resource.ServerCertKey, resource.ServerKeyKey} {
		content, err := os.ReadFile(filepath.Join(d.options.CertificateDirectory, key))
		if err != nil {
			return nil, fmt.Errorf("reading the certificates: %w", err)
		}
		found[key] = string(content)
	}
	return found, nil
}
