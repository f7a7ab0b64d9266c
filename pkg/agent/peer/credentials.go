// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Credentials are the certificates of a member, as they lie in a folder.
type Credentials struct {
	// directory is the folder, login the name in the members' client certificates.
	directory, login string

	mu     sync.Mutex
	read   [][]byte // the files as they were read last
	server tls.Certificate
	client tls.Certificate
	roots  *x509.CertPool
}

// NewCredentials returns the certificates of a folder with the keys of the TLS Secret. login is the common name that
// members' client certificates bear.
func NewCredentials(directory, login string) *Credentials {
	return &Credentials{directory: directory, login: login}
}

var files = []string{
	resource.CACertKey, resource.ServerCertKey, resource.ServerKeyKey, resource.ClientCertKey, resource.ClientKeyKey,
}

// refresh reads the files again if they changed. What cannot be read leaves the last good certificates in force; it is
// an error only when there are none.
func (c *Credentials) refresh() error {
	content := make([][]byte, len(files))
	for i, name := range files {
		var err error
		if content[i], err = os.ReadFile(filepath.Join(c.directory, name)); err != nil {
			return c.orLastGood(fmt.Errorf("reading certificates: %w", err))
		}
	}
	if slices.EqualFunc(content, c.read, bytes.Equal) {
		return nil
	}
	server, err := tls.X509KeyPair(content[1], content[2])
	if err != nil {
		return c.orLastGood(fmt.Errorf("reading the server certificate: %w", err))
	}
	client, err := tls.X509KeyPair(content[3], content[4])
	if err != nil {
		return c.orLastGood(fmt.Errorf("reading the client certificate: %w", err))
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(content[0]) {
		return c.orLastGood(errors.New("reading the authority: no certificate in it"))
	}
	c.read, c.server, c.client, c.roots = content, server, client, roots
	return nil
}

func (c *Credentials) orLastGood(err error) error {
	if c.roots != nil {
		return nil
	}
	return err
}

// forServer is the TLS configuration for answering: whoever asks must be a member.
func (c *Credentials) forServer() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS13, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.refresh(); err != nil {
			return nil, err
		}
		return &tls.Config{
			MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.server}, ClientCAs: c.roots,
			ClientAuth: tls.RequireAndVerifyClientCert, VerifyConnection: c.mustBeMember, NextProtos: []string{"http/1.1"},
		}, nil
	}}
}

// mustBeMember refuses a certificate of the same authority that is not the members'.
func (c *Credentials) mustBeMember(state tls.ConnectionState) error {
	if name := state.PeerCertificates[0].Subject.CommonName; name != c.login {
		return fmt.Errorf("certificate is %q's, want a member's", name)
	}
	return nil
}

// forClient is the TLS configuration for asking a host.
func (c *Credentials) forClient(host string) (*tls.Config, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.refresh(); err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.client}, RootCAs: c.roots, ServerName: host,
	}, nil
}
