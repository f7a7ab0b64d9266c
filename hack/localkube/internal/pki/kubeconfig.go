// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/file"
)

// Kubeconfig writes a kubeconfig that holds the certificates themselves, so that the file can be copied elsewhere.
func (a *Authority) Kubeconfig(path, cluster, server, identity string) error {
	config := api.NewConfig()
	config.Clusters[cluster] = &api.Cluster{Server: server}
	config.AuthInfos[identity] = &api.AuthInfo{}
	config.Contexts[cluster] = &api.Context{Cluster: cluster, AuthInfo: identity}
	config.CurrentContext = cluster
	for source, field := range map[string]*[]byte{
		a.Certificate("ca"):     &config.Clusters[cluster].CertificateAuthorityData,
		a.Certificate(identity): &config.AuthInfos[identity].ClientCertificateData,
		a.Key(identity):         &config.AuthInfos[identity].ClientKeyData,
	} {
		content, err := os.ReadFile(source)
		if err != nil {
			return fmt.Errorf("kubeconfig %s: %w", path, err)
		}
		*field = content
	}
	content, err := clientcmd.Write(*config)
	if err != nil {
		return fmt.Errorf("kubeconfig %s: %w", path, err)
	}
	return file.Put(path, content, 0o600)
}
