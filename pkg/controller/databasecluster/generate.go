// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"crypto/rand"
	"errors"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/pkg/tlsutil"
)

// generate makes what needs randomness, as one write. A Secret that exists is changed only if it still is as it was
// seen; one that the snapshot does not show is created, and a creation that finds one there changes nothing in it.
func generate(s Snapshot, g Generation) (Write, error) {
	wanted, err := generated(s, g.What)
	if err != nil {
		return Write{}, fmt.Errorf("making the %s: %w", g.What, err)
	}
	seen := s.Secret(*wanted.Name)
	if seen == nil {
		return Write{Wanted: wanted, Why: g.Why}, nil
	}
	wanted.Type = nil
	onlyIfUnchanged(wanted, seen)
	return Write{Wanted: wanted, Seen: seen, Why: g.Why}, nil
}

func generated(s Snapshot, what Generated) (*corev1ac.SecretApplyConfiguration, error) {
	t := trustOf(s)
	switch what {
	case GenerateAuthority:
		authority, err := tlsutil.NewAuthority(s.Cluster.Name, s.Now.Time, rand.Reader)
		if err != nil {
			return nil, err
		}
		return resource.CASecret(s.Cluster, authority.CertPEM, authority.KeyPEM), nil
	case GenerateCertificates:
		certificates, err := issue(s, t)
		if err != nil {
			return nil, err
		}
		return resource.TLSSecret(s.Cluster, certificates), nil
	case GenerateLogin:
		return resource.AppSecret(s.Cluster, s.Engine.Traits(), login(s, rand.Text(), t)), nil
	}
	return nil, errors.New("nobody knows how")
}

// keepSecret leaves what a Secret holds as it is: one that only lost its labels must not get another password.
func keepSecret(wanted runtime.ApplyConfiguration, there metav1.Object) {
	secret, ok := wanted.(*corev1ac.SecretApplyConfiguration)
	if kept, is := there.(*corev1.Secret); ok && is {
		secret.Type = nil
		secret.WithData(kept.Data)
	}
}

// issue makes what the members show: one certificate to clients, one to each other. What would not do is not handed
// out: the next pass would find it wanting, and have it made again without end.
func issue(s Snapshot, t trust) (resource.Certificates, error) {
	names := resource.ServerNames(s.Cluster.Name, s.Cluster.Namespace)
	server, err := t.authority.IssueServer(s.Cluster.Name, names, s.Now.Time, rand.Reader)
	if err != nil {
		return resource.Certificates{}, err
	}
	client, err := t.authority.IssueClient(s.Engine.Traits().ReplicationLogin, s.Now.Time, rand.Reader)
	if err != nil {
		return resource.Certificates{}, err
	}
	c := resource.Certificates{
		CA:         t.bundle,
		ServerCert: server.CertPEM, ServerKey: server.KeyPEM,
		ClientCert: client.CertPEM, ClientKey: client.KeyPEM,
		ReplicationPassword: replicationPassword(s),
	}
	return c, verify(s, c)
}

// replicationPassword is what members say to each other beside their certificates; nil where the engine needs nothing.
// It outlives the certificates: members see a new Secret at different times, and would refuse each other until then.
func replicationPassword(s Snapshot) []byte {
	if !s.Engine.Traits().ReplicationPassword {
		return nil
	}
	if kept := ownSecret(s, resource.TLSSecretName(s.Cluster.Name)); kept != nil {
		if password := resource.CertificatesIn(kept).ReplicationPassword; len(password) > 0 {
			return password
		}
	}
	return []byte(rand.Text())
}
