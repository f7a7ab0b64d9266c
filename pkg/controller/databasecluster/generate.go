// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"crypto/rand"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// appName is the application's login and the database that it owns.
const appName = "app"

// generate makes a secret that needs randomness. It happens once per secret: the object is only ever created, and a
// creation that finds one there leaves it as it is.
func (c *Controller) generate(s Snapshot, g Generation) (*corev1ac.SecretApplyConfiguration, error) {
	switch g {
	case GenerateAuthority:
		authority, err := tlsutil.NewAuthority(s.Cluster.Name, s.Now.Time, rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("making the certificate authority: %w", err)
		}
		return resource.CASecret(s.Cluster, authority.CertPEM, authority.KeyPEM), nil
	case GenerateCertificates:
		certificates, err := generateCertificates(s)
		if err != nil {
			return nil, fmt.Errorf("making certificates: %w", err)
		}
		return resource.TLSSecret(s.Cluster, certificates), nil
	case GenerateLogin:
		return resource.AppSecret(s.Cluster, s.Engine.Traits(), resource.Login{
			Username: appName, Database: appName, Password: rand.Text(), CA: authoritySecret(s).Data[corev1.TLSCertKey],
		}), nil
	}
	return nil, fmt.Errorf("nobody knows how to make %q", g)
}

// generateCertificates makes what the members show: one certificate to clients, one to each other.
func generateCertificates(s Snapshot) (resource.Certificates, error) {
	kept := authoritySecret(s)
	authority, err := tlsutil.ParseAuthority(kept.Data[corev1.TLSCertKey], kept.Data[corev1.TLSPrivateKeyKey], s.Now.Time)
	if err != nil {
		return resource.Certificates{}, err
	}
	names := resource.ServerNames(s.Cluster.Name, s.Cluster.Namespace)
	server, err := authority.IssueServer(s.Cluster.Name, names, s.Now.Time, rand.Reader)
	if err != nil {
		return resource.Certificates{}, err
	}
	client, err := authority.IssueClient(s.Engine.Traits().ReplicationLogin, s.Now.Time, rand.Reader)
	if err != nil {
		return resource.Certificates{}, err
	}
	return resource.Certificates{
		CA:         authority.CertPEM,
		ServerCert: server.CertPEM, ServerKey: server.KeyPEM,
		ClientCert: client.CertPEM, ClientKey: client.KeyPEM,
	}, nil
}

// authoritySecret is the Secret of the certificate authority; whoever needs it is decided on only when it is there.
func authoritySecret(s Snapshot) *corev1.Secret {
	return s.Secret(resource.CASecretName(s.Cluster.Name))
}
