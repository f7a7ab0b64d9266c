// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package tlsutil

import (
	"crypto/x509"
	"encoding/pem"
	"time"
)

const (
	// trustLead is for how long a new authority is trusted before a certificate of an earlier one gives way to one of its
	// own: time for every member to see the files of its mount change, and for applications to read theirs again.
	trustLead = 7 * 24 * time.Hour
	// maxEarlier is how many earlier authorities a bundle has. Each deletion of an authority adds one, and a bundle must
	// fit into a Secret whatever somebody does.
	maxEarlier = 8
)

// ReplaceAt is when a new authority should be made: two thirds through its life, when it has years left.
func (a *Authority) ReplaceAt() time.Time { return renewalOf(a.cert) }

// RenewAt is when the authority should issue a pair anew: two thirds through the life of the certificate, so that a
// renewal that fails at first has time. A certificate of an earlier authority stays for longer if this one is not yet
// known everywhere, yet never until it expires.
func (a *Authority) RenewAt(p Pair) (time.Time, error) {
	cert, _, err := p.parse()
	if err != nil {
		return time.Time{}, err
	}
	at := renewalOf(cert)
	if cert.CheckSignatureFrom(a.cert) == nil {
		return at, nil
	}
	known := a.madeAt().Add(min(trustLead, cert.NotAfter.Sub(a.madeAt())/2))
	if known.After(at) {
		return known, nil
	}
	return at, nil
}

// AloneAt is when trust in earlier authorities may end. They issued nothing after this one was made, so by then the
// last of their certificates has expired.
func (a *Authority) AloneAt() time.Time { return a.madeAt().Add(leafValidity) }

// Bundle gives what is to be trusted, as PEM: the authority itself and, until AloneAt, the earlier ones that trusted
// lists. What is not the certificate of an authority, or has expired, is left out. Equal authorities give equal bytes.
func (a *Authority) Bundle(trusted []byte, now time.Time) []byte {
	bundle := encodeCertificate(a.cert.Raw)
	if !now.Before(a.AloneAt()) {
		return bundle
	}
	kept := 0
	for _, earlier := range parseAuthorities(trusted) {
		if kept < maxEarlier && !earlier.Equal(a.cert) && now.Before(earlier.NotAfter) {
			bundle = append(bundle, encodeCertificate(earlier.Raw)...)
			kept++
		}
	}
	return bundle
}

// madeAt is when the authority was made, as its certificate tells.
func (a *Authority) madeAt() time.Time { return a.cert.NotBefore.Add(backdating) }

// renewalOf is when two thirds of a certificate's life have passed.
func renewalOf(cert *x509.Certificate) time.Time {
	return cert.NotBefore.Add(cert.NotAfter.Sub(cert.NotBefore) * 2 / 3)
}

// parseAuthorities gives the certificates of authorities among PEM blocks, in their order.
func parseAuthorities(encoded []byte) []*x509.Certificate {
	var found []*x509.Certificate
	for block, rest := pem.Decode(encoded); block != nil; block, rest = pem.Decode(rest) {
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil && cert.IsCA {
			found = append(found, cert)
		}
	}
	return found
}

func encodeCertificate(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: pemCertificate, Bytes: der})
}
