// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package resource

import (
	"net/url"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// Keys of the Secrets with certificates. All values are PEM.
const (
	// CACertKey are the certificates of the authorities to trust.
	CACertKey = "ca.crt"
	// ServerCertKey and ServerKeyKey are what members show to clients.
	ServerCertKey = corev1.TLSCertKey
	ServerKeyKey  = corev1.TLSPrivateKeyKey
	// ClientCertKey and ClientKeyKey are what members show to each other.
	ClientCertKey = "client.crt"
	ClientKeyKey  = "client.key"
	// ReplicationPasswordKey is what members say to each other where the engine does not let a certificate log in. It is
	// no PEM, and it is there only for such engines.
	ReplicationPasswordKey = "replication.password"
)

// Keys of the Secret of an application, as the Service Binding specification names them
// (https://servicebinding.io/spec/core/1.1.0/#well-known-secret-entries).
const (
	BindingType     = "type"
	BindingProvider = "provider"
	BindingHost     = "host"
	BindingPort     = "port"
	BindingUsername = "username"
	BindingPassword = "password"
	BindingDatabase = "database"
	BindingURI      = "uri"
	BindingCA       = "ca.crt"
)

// Login is an account of a database.
type Login struct {
	// Username, Password and Database are what to log in with, and to which database: "" where there is only one.
	Username, Password, Database string
	// CA are the certificates of the authorities to trust, as PEM.
	CA []byte
	// Members are the hosts of all members, for a URI that names them (Traits.URIMembers).
	Members []string
}

// Certificates are what the members show, as PEM.
type Certificates struct {
	// CA are the certificates of the authorities to trust: more than one while a new one takes over.
	CA []byte
	// ServerCert and ServerKey are for clients, under all of ServerNames.
	ServerCert, ServerKey []byte
	// ClientCert and ClientKey are for other members.
	ClientCert, ClientKey []byte
	// ReplicationPassword is for other members too; nil where the engine needs none.
	ReplicationPassword []byte
}

// CASecret holds the cluster's certificate authority. The operator alone reads it.
func CASecret(cluster *v1alpha1.DatabaseCluster, certPEM, keyPEM []byte) *corev1ac.SecretApplyConfiguration {
	return secret(cluster, CASecretName(cluster.Name)).
		WithType(corev1.SecretTypeTLS).
		WithData(map[string][]byte{corev1.TLSCertKey: certPEM, corev1.TLSPrivateKeyKey: keyPEM})
}

// TLSSecret holds the members' certificates. It is mounted into their pods.
func TLSSecret(cluster *v1alpha1.DatabaseCluster, c Certificates) *corev1ac.SecretApplyConfiguration {
	data := map[string][]byte{
		CACertKey:     c.CA,
		ServerCertKey: c.ServerCert,
		ServerKeyKey:  c.ServerKey,
		ClientCertKey: c.ClientCert,
		ClientKeyKey:  c.ClientKey,
	}
	if len(c.ReplicationPassword) > 0 {
		data[ReplicationPasswordKey] = c.ReplicationPassword
	}
	return secret(cluster, TLSSecretName(cluster.Name)).WithType(corev1.SecretTypeTLS).WithData(data)
}

// CertificatesIn gives what a TLSSecret holds, as it is: nothing says that it can be used.
func CertificatesIn(s *corev1.Secret) Certificates {
	return Certificates{
		CA:         s.Data[CACertKey],
		ServerCert: s.Data[ServerCertKey],
		ServerKey:  s.Data[ServerKeyKey],
		ClientCert: s.Data[ClientCertKey],
		ClientKey:  s.Data[ClientKeyKey],

		ReplicationPassword: s.Data[ReplicationPasswordKey],
	}
}

// PlanSecret holds the plan as engine.EncodePlan gives it. Agents watch it, and it is mounted as their start value.
func PlanSecret(cluster *v1alpha1.DatabaseCluster, plan []byte) *corev1ac.SecretApplyConfiguration {
	return secret(cluster, PlanSecretName(cluster.Name)).
		WithType(corev1.SecretTypeOpaque).
		WithData(map[string][]byte{engine.PlanKey: plan})
}

// AppSecret holds all that an application needs to connect to the primary. Its type is the one that the Service Binding
// specification suggests.
func AppSecret(
	cluster *v1alpha1.DatabaseCluster, traits engine.Traits, login Login,
) *corev1ac.SecretApplyConfiguration {
	host := serviceHost(ReadWriteServiceName(cluster.Name), cluster.Namespace)
	port := strconv.Itoa(int(traits.ClientPort))
	uri := url.URL{
		Scheme:   traits.URIScheme,
		User:     url.UserPassword(login.Username, login.Password),
		Host:     uriHosts(traits, host, login.Members),
		RawQuery: traits.URIOptions,
	}
	data := map[string][]byte{BindingCA: login.CA}
	if login.Database != "" {
		uri.Path = "/" + login.Database
		data[BindingDatabase] = []byte(login.Database)
	}
	for key, value := range map[string]string{
		BindingType:     traits.Provider,
		BindingProvider: traits.Provider,
		BindingHost:     host,
		BindingPort:     port,
		BindingUsername: login.Username,
		BindingPassword: login.Password,
		BindingURI:      uri.String(),
	} {
		data[key] = []byte(value)
	}
	return secret(cluster, AppSecretName(cluster.Name)).
		WithType(corev1.SecretType("servicebinding.io/" + traits.Provider)).
		WithData(data)
}

// uriHosts are the hosts of a URI, each with the port: every member's or the primary's Service.
func uriHosts(traits engine.Traits, service string, members []string) string {
	hosts := []string{service}
	if traits.URIMembers {
		hosts = slices.Clone(members)
	}
	for i := range hosts {
		hosts[i] += ":" + strconv.Itoa(int(traits.ClientPort))
	}
	return strings.Join(hosts, ",")
}

// secret is what the Secrets have in common. Values go to data, never to stringData: the server moves those, and the
// comparison with what is there would differ for ever.
func secret(cluster *v1alpha1.DatabaseCluster, name string) *corev1ac.SecretApplyConfiguration {
	return corev1ac.Secret(name, cluster.Namespace).
		WithLabels(commonLabels(cluster)).
		WithOwnerReferences(ownedBy(cluster))
}
