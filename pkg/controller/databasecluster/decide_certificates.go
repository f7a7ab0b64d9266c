// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"crypto/x509"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"

	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// trust is what all certificates of a cluster hang on.
type trust struct {
	// authority issues; nil while there is none that can.
	authority *tlsutil.Authority
	// fault is why the authority that is there cannot; "" when there is none, or nothing is wrong with it.
	fault string
	// bundle are the authorities to trust, as PEM; empty while there never was one. Members and applications get the same.
	bundle []byte
}

// trustOf finds whom to trust. An authority that was replaced or lost goes on in the bundle of the members, for as long
// as a certificate of it may be shown.
func trustOf(s Snapshot) trust {
	var t trust
	if kept := ownSecret(s, resource.TLSSecretName(s.Cluster.Name)); kept != nil {
		t.bundle = kept.Data[resource.CACertKey]
	}
	kept := ownSecret(s, resource.CASecretName(s.Cluster.Name))
	if kept == nil {
		return t
	}
	authority, err := tlsutil.ParseAuthority(kept.Data[corev1.TLSCertKey], kept.Data[corev1.TLSPrivateKeyKey], s.Now.Time)
	if err != nil {
		t.fault = err.Error()
		return t
	}
	return trust{authority: authority, bundle: authority.Bundle(t.bundle, s.Now.Time)}
}

// wantAuthority asks for the certificate authority. It is replaced long before it ends. One that cannot be read is not
// replaced without being asked: somebody may be about to mend it.
func (d *Decision) wantAuthority(s Snapshot, t trust) error {
	kept := s.Secret(resource.CASecretName(s.Cluster.Name))
	switch {
	case kept == nil:
		d.generate(s, GenerateAuthority, "it is missing")
		return nil
	case t.fault != "":
		d.secretTrouble(kept.Name, t.fault+"; certificates stay in use until they expire; mend the Secret, or "+
			"delete it to have a new authority made")
		return nil
	case t.authority == nil:
		d.blocked(s, Ref{"Secret", kept.Name}, kept)
		return nil
	case d.due(s, t.authority.ReplaceAt()):
		d.generate(s, GenerateAuthority, "two thirds of its life have passed")
		return nil
	}
	d.due(s, t.authority.AloneAt())
	return d.wantSecret(s, resource.CASecret(s.Cluster, kept.Data[corev1.TLSCertKey], kept.Data[corev1.TLSPrivateKeyKey]))
}

// wantCertificates asks for what the members show, and for the bundle by which they judge each other. The bundle
// changes in a write of its own, days before a certificate of a new authority is shown.
func (d *Decision) wantCertificates(s Snapshot, t trust) error {
	name := resource.TLSSecretName(s.Cluster.Name)
	kept := s.Secret(name)
	switch {
	case t.authority == nil:
		return nil // nothing can be issued; what there is goes on
	case kept == nil:
		d.generate(s, GenerateCertificates, "they are missing")
		return nil
	}
	c := resource.CertificatesIn(kept)
	if why := d.renewal(s, t, c); why != "" {
		d.generate(s, GenerateCertificates, why)
		return nil
	}
	c.CA = t.bundle
	return d.wantSecret(s, resource.TLSSecret(s.Cluster, c))
}

// keepCertificates renews what members show already, although nothing else is done: they would end before a spec that
// cannot be carried out is mended.
func (d *Decision) keepCertificates(s Snapshot) error {
	if s.Engine == nil || ownSecret(s, resource.TLSSecretName(s.Cluster.Name)) == nil {
		return nil
	}
	t := trustOf(s)
	if err := d.wantAuthority(s, t); err != nil {
		return err
	}
	return d.wantCertificates(s, t)
}

// renewal says why certificates must be issued anew; "" while they need not.
func (d *Decision) renewal(s Snapshot, t trust, c resource.Certificates) string {
	c.CA = t.bundle
	if err := verify(s, c); err != nil {
		return err.Error()
	}
	for _, pair := range []tlsutil.Pair{serverPair(c), clientPair(c)} {
		at, err := t.authority.RenewAt(pair)
		if err != nil {
			return err.Error()
		}
		if d.due(s, at) {
			return "their time has come"
		}
	}
	return ""
}

// verify says whether certificates are good for the members of a cluster: for every name under which they are reached,
// and for the login with which they copy from each other. A password that the engine wants for that is one of them.
func verify(s Snapshot, c resource.Certificates) error {
	err := serverPair(c).Verify(tlsutil.Expectation{
		CA: c.CA, CommonName: s.Cluster.Name, DNSNames: resource.ServerNames(s.Cluster.Name, s.Cluster.Namespace),
		Usage: x509.ExtKeyUsageServerAuth, Now: s.Now.Time,
	})
	if err != nil {
		return fmt.Errorf("for clients: %w", err)
	}
	err = clientPair(c).Verify(tlsutil.Expectation{
		CA: c.CA, CommonName: s.Engine.Traits().ReplicationLogin,
		Usage: x509.ExtKeyUsageClientAuth, Now: s.Now.Time,
	})
	if err != nil {
		return fmt.Errorf("for other members: %w", err)
	}
	if s.Engine.Traits().ReplicationPassword && len(c.ReplicationPassword) == 0 {
		return errors.New("for other members: the password is missing")
	}
	return nil
}

func serverPair(c resource.Certificates) tlsutil.Pair {
	return tlsutil.Pair{CertPEM: c.ServerCert, KeyPEM: c.ServerKey}
}

func clientPair(c resource.Certificates) tlsutil.Pair {
	return tlsutil.Pair{CertPEM: c.ClientCert, KeyPEM: c.ClientKey}
}
