// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// validity is long enough that no instance sees a certificate expire.
const validity = 10 * 365 * 24 * time.Hour

// Authority signs certificates and keeps them in a folder.
type Authority struct {
	folder      string
	certificate *x509.Certificate
	key         crypto.Signer
}

// Identity is what a certificate says about its holder.
type Identity struct {
	// File is the file name without its ending.
	File string
	// User and Groups are the Kubernetes user and groups of a client certificate.
	User   string
	Groups []string
	// Hosts makes it a serving certificate: DNS names and IP addresses.
	Hosts []string
}

// Open loads the authority of that name from the folder, or makes it.
func Open(folder, name string) (*Authority, error) {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return nil, err
	}
	a := &Authority{folder: folder}
	if !a.exists(name) {
		if err := a.create(name); err != nil {
			return nil, fmt.Errorf("certificate authority %s: %w", name, err)
		}
	}
	if err := a.load(name); err != nil {
		return nil, fmt.Errorf("certificate authority %s: %w", name, err)
	}
	return a, nil
}

// Certificate is the path of the named certificate.
func (a *Authority) Certificate(name string) string { return filepath.Join(a.folder, name+".crt") }

// Key is the path of the named private key.
func (a *Authority) Key(name string) string { return filepath.Join(a.folder, name+".key") }

// Issue makes the identity's certificate and key, if they are not there yet.
func (a *Authority) Issue(identity Identity) error {
	if a.exists(identity.File) {
		return nil
	}
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: identity.User, Organization: identity.Groups},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	for _, host := range identity.Hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	if len(identity.Hosts) > 0 {
		template.ExtKeyUsage = append(template.ExtKeyUsage, x509.ExtKeyUsageServerAuth)
	}
	if err := a.sign(identity.File, template); err != nil {
		return fmt.Errorf("certificate %s: %w", identity.File, err)
	}
	return nil
}

// IssueKey makes a key pair without a certificate, as ServiceAccount tokens are signed with.
func (a *Authority) IssueKey(name string) error {
	if _, err := os.Stat(a.Key(name)); err == nil || !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(a.Key(name), key)
}

func (a *Authority) exists(name string) bool {
	// The certificate is written last, so it vouches for the key.
	_, err := os.Stat(a.Certificate(name))
	return err == nil
}

func (a *Authority) create(name string) error {
	return a.sign(name, &x509.Certificate{
		Subject:               pkix.Name{CommonName: "localkube " + name},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	})
}

// sign completes the template and signs it, with its own key as long as the authority has none.
func (a *Authority) sign(name string, template *x509.Certificate) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template.SerialNumber, err = rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	// An hour back: a clock that is set right after boot may jump backwards.
	template.NotBefore = time.Now().Add(-time.Hour)
	template.NotAfter = template.NotBefore.Add(validity)
	parent, signer := a.certificate, a.key
	if parent == nil {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return err
	}
	if err := writeKey(a.Key(name), key); err != nil {
		return err
	}
	return writePEM(a.Certificate(name), "CERTIFICATE", der, 0o644)
}

func (a *Authority) load(name string) error {
	der, err := readPEM(a.Certificate(name))
	if err != nil {
		return err
	}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		return err
	}
	if der, err = readPEM(a.Key(name)); err != nil {
		return err
	}
	a.key, err = x509.ParseECPrivateKey(der)
	return err
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "EC PRIVATE KEY", der, 0o600)
}

func writePEM(path, kind string, der []byte, mode os.FileMode) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), mode)
}

func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, fmt.Errorf("%s holds no PEM block", path)
	}
	return block.Bytes, nil
}
