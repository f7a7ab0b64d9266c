// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package tlsutil

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"time"
)

// Pair is a certificate and its key, both as PEM.
type Pair struct {
	CertPEM []byte
	KeyPEM  []byte
}

// Expectation is what a certificate must fulfil.
type Expectation struct {
	// CA are the certificates of the authorities of which one must have issued it, as PEM.
	CA []byte
	// CommonName must be its subject; "" accepts any.
	CommonName string
	// DNSNames must all be covered.
	DNSNames []string
	// Usage is what the certificate must be good for.
	Usage x509.ExtKeyUsage
	// Now is when it must be valid.
	Now time.Time
}

// Verify says whether the key belongs to the certificate, and the certificate fulfils an expectation. Whoever gets an
// error keeps what he had: a bad certificate must never lead to unencrypted connections.
func (p Pair) Verify(want Expectation) error {
	cert, _, err := p.parse()
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(want.CA) {
		return errors.New("the authority's certificate is not PEM")
	}
	_, err = cert.Verify(x509.VerifyOptions{
		Roots: roots, CurrentTime: want.Now, KeyUsages: []x509.ExtKeyUsage{want.Usage},
	})
	if err != nil {
		return fmt.Errorf("verifying the certificate: %w", err)
	}
	if want.CommonName != "" && cert.Subject.CommonName != want.CommonName {
		return fmt.Errorf("the certificate is for %q, wanted is %q", cert.Subject.CommonName, want.CommonName)
	}
	for _, name := range want.DNSNames {
		if err := cert.VerifyHostname(name); err != nil {
			return fmt.Errorf("verifying the names of the certificate: %w", err)
		}
	}
	return nil
}

// parse reads a pair. It fails when the key is not the certificate's.
func (p Pair) parse() (*x509.Certificate, *ecdsa.PrivateKey, error) {
	loaded, err := tls.X509KeyPair(p.CertPEM, p.KeyPEM)
	if err != nil {
		return nil, nil, fmt.Errorf("reading a certificate and its key: %w", err)
	}
	key, ok := loaded.PrivateKey.(*ecdsa.PrivateKey)
	if !ok {
		return nil, nil, fmt.Errorf("the key is of type %T, wanted is ECDSA", loaded.PrivateKey)
	}
	return loaded.Leaf, key, nil
}
