// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package tlsutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"time"
)

const (
	// authorityValidity is how long an authority lives. Clients keep its certificate in their own configuration, so it
	// outlives most databases.
	authorityValidity = 10 * 365 * 24 * time.Hour
	// leafValidity is how long a certificate lives. The operator renews it long before.
	leafValidity = 90 * 24 * time.Hour
	// backdating is by how much a certificate is older than it is, for clients whose clock is behind.
	backdating = 5 * time.Minute
)

// Types of PEM blocks.
const (
	pemCertificate = "CERTIFICATE"
	pemPrivateKey  = "PRIVATE KEY" // PKCS #8
)

// Authority is a certificate authority that can issue.
type Authority struct {
	// Pair is the authority's own certificate and key.
	Pair

	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// authoritySuffix tells an authority from what it issues. OpenSSL, and with it libpq, takes a certificate whose subject
// is also its issuer for self-signed, and refuses it.
const authoritySuffix = " authority"

// NewAuthority makes the authority of a cluster, with an ECDSA key on P-256, valid for ten years. It can issue
// certificates but no further authorities.
func NewAuthority(cluster string, now time.Time, random io.Reader) (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return nil, fmt.Errorf("making a key: %w", err)
	}
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: cluster + authoritySuffix},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(authorityValidity),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	pair, err := sign(template, key, &Authority{cert: template, key: key}, random)
	if err != nil {
		return nil, err
	}
	return ParseAuthority(pair.CertPEM, pair.KeyPEM, now)
}

// ParseAuthority reads an authority. It fails when the certificate is not of an authority, not of this key, or not
// valid yet: nobody would take what it issues. One that has expired is read, since it tells that it must be replaced.
func ParseAuthority(certPEM, keyPEM []byte, now time.Time) (*Authority, error) {
	pair := Pair{CertPEM: certPEM, KeyPEM: keyPEM}
	cert, key, err := pair.parse()
	if err != nil {
		return nil, fmt.Errorf("reading the certificate authority: %w", err)
	}
	if !cert.IsCA {
		return nil, errors.New("reading the certificate authority: the certificate may not issue others")
	}
	if now.Before(cert.NotBefore) {
		return nil, fmt.Errorf("reading the certificate authority: it is not valid before %s",
			cert.NotBefore.Format(time.RFC3339))
	}
	return &Authority{Pair: pair, cert: cert, key: key}, nil
}

// IssueServer issues a certificate for a server that is reached under the given DNS names.
func (a *Authority) IssueServer(
	commonName string, dnsNames []string, now time.Time, random io.Reader,
) (Pair, error) {
	template := leaf(commonName, x509.ExtKeyUsageServerAuth, now)
	template.DNSNames = dnsNames
	return a.issue(template, random)
}

// IssueClient issues a certificate with which a client proves that it is commonName.
func (a *Authority) IssueClient(commonName string, now time.Time, random io.Reader) (Pair, error) {
	return a.issue(leaf(commonName, x509.ExtKeyUsageClientAuth, now), random)
}

func leaf(commonName string, usage x509.ExtKeyUsage, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:               pkix.Name{CommonName: commonName},
		NotBefore:             now.Add(-backdating),
		NotAfter:              now.Add(leafValidity),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{usage},
		BasicConstraintsValid: true,
	}
}

func (a *Authority) issue(template *x509.Certificate, random io.Reader) (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), random)
	if err != nil {
		return Pair{}, fmt.Errorf("making a key: %w", err)
	}
	return sign(template, key, a, random)
}

// sign makes a certificate for key, issued by a. The serial number is random: CreateCertificate chooses it.
func sign(template *x509.Certificate, key *ecdsa.PrivateKey, a *Authority, random io.Reader) (Pair, error) {
	cert, err := x509.CreateCertificate(random, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("signing a certificate for %q: %w", template.Subject.CommonName, err)
	}
	encoded, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("encoding the key of %q: %w", template.Subject.CommonName, err)
	}
	return Pair{
		CertPEM: encodeCertificate(cert),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: pemPrivateKey, Bytes: encoded}),
	}, nil
}
