// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package pki

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func TestIssuedCertificateVerifiesAndIsKept(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "pki")
	authority, err := Open(folder, "ca")
	if err != nil {
		t.Fatal(err)
	}
	identity := Identity{
		File: "node", User: "system:node:n", Groups: []string{"system:nodes"}, Hosts: []string{"198.18.0.11"},
	}
	if err := authority.Issue(identity); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(authority.Certificate("node"))
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(authority.Certificate("node"), authority.Key("node"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(authority.certificate)
	options := x509.VerifyOptions{DNSName: "198.18.0.11", Roots: roots}
	if _, err := pair.Leaf.Verify(options); err != nil {
		t.Error(err)
	}
	again, err := Open(folder, "ca")
	if err != nil {
		t.Fatal(err)
	}
	if err := again.Issue(identity); err != nil {
		t.Fatal(err)
	}
	if second, err := os.ReadFile(authority.Certificate("node")); err != nil || string(second) != string(first) {
		t.Errorf("the certificate was not kept: %v", err)
	}
}

func TestKubeconfigStandsAlone(t *testing.T) {
	t.Parallel()
	authority, err := Open(filepath.Join(t.TempDir(), "pki"), "ca")
	if err != nil {
		t.Fatal(err)
	}
	if err := authority.Issue(Identity{File: "admin", User: "admin", Groups: []string{"system:masters"}}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := authority.Kubeconfig(path, "localkube-dev", "https://198.18.0.2:6443", "admin"); err != nil {
		t.Fatal(err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	if config.Host != "https://198.18.0.2:6443" || len(config.CAData) == 0 || len(config.KeyData) == 0 {
		t.Errorf("got host %s, CA %d bytes, key %d bytes", config.Host, len(config.CAData), len(config.KeyData))
	}
}
