// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"fmt"
	"os"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/config"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
	"github.com/atlasdb/atlasdb/hack/localkube/internal/pki"
)

const (
	// admin is the administrator's certificate.
	admin = "admin"
	// mastersGroup may do everything.
	mastersGroup = "system:masters"
	// apiServerPort is the port at the control plane's address; dnsReadyPort is as in the Corefile.
	apiServerPort, dnsReadyPort = 6443, 8181
)

// configure writes keys, certificates, kubeconfigs and configuration files.
func (c *Cluster) configure() error {
	for _, folder := range []string{c.Path("audit"), c.Volumes(), c.ConfigFile()} {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return err
		}
	}
	if err := c.issueCertificates(); err != nil {
		return err
	}
	for file, data := range map[string]any{
		"Corefile": c.Instance, "audit-policy.yaml": c.Instance, "manifests.yaml": c.Instance, "resolv.conf": c.Instance,
		"kube-proxy.yaml": config.Proxy{Name: c.Node(1).Name(), Cluster: c.Instance, MasqueradeAll: true},
	} {
		if err := config.Write(c.ConfigFile(file), file, data); err != nil {
			return err
		}
	}
	for _, node := range c.EachNode() {
		if err := c.configureNode(node); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) configureNode(node instance.Node) error {
	data := config.Node{Node: node, Cluster: c.Instance}
	for file, data := range map[string]any{
		"kubelet.yaml":         data,
		"cni/10-pods.conflist": data,
		"kube-proxy.yaml":      config.Proxy{Name: node.Name(), Cluster: c.Instance},
		"containerd.toml": config.Containerd{
			Root: node.Path("containerd"), State: node.Run("containerd"), Socket: node.Socket(),
			CNI: node.ConfigFile("cni"), ShimGroup: node.ComponentGroup("shims"),
		},
	} {
		template := file
		if file == "cni/10-pods.conflist" {
			template = "cni.conflist"
		}
		if err := config.Write(node.ConfigFile(file), template, data); err != nil {
			return err
		}
	}
	return nil
}

// issueCertificates makes everything that proves who somebody is.
func (c *Cluster) issueCertificates() error {
	authority, err := pki.Open(c.PKI(), "ca")
	if err != nil {
		return err
	}
	for _, identity := range c.identities() {
		if err := authority.Issue(identity); err != nil {
			return err
		}
	}
	if err := authority.IssueKey("service-account"); err != nil {
		return err
	}
	if err := c.issueFrontProxy(); err != nil {
		return err
	}
	if err := authority.Kubeconfig(c.Kubeconfig(), "localkube-"+c.Name, c.apiServerURL(), admin); err != nil {
		return err
	}
	for _, user := range c.kubeconfigUsers() {
		path := c.ConfigFile(user + ".kubeconfig")
		if err := authority.Kubeconfig(path, "localkube-"+c.Name, c.apiServerURL(), user); err != nil {
			return err
		}
	}
	return nil
}

// issueFrontProxy makes the identity that the API server has towards extension API servers. Its authority is its own:
// with the cluster's, any client certificate could speak for any user there.
func (c *Cluster) issueFrontProxy() error {
	authority, err := pki.Open(c.PKI(), "front-proxy-ca")
	if err != nil {
		return err
	}
	return authority.Issue(pki.Identity{File: "front-proxy", User: "front-proxy"})
}

func (c *Cluster) identities() []pki.Identity {
	identities := []pki.Identity{
		{File: admin, User: "localkube:admin", Groups: []string{mastersGroup}},
		{File: "apiserver", User: "kube-apiserver", Hosts: []string{
			"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
			"localhost", "127.0.0.1", c.ControlIP().String(), c.APIServiceIP().String(),
		}},
		{File: "kubelet-client", User: "kube-apiserver-kubelet-client", Groups: []string{mastersGroup}},
		{File: "kube-controller-manager", User: "system:kube-controller-manager"},
		{File: "kube-scheduler", User: "system:kube-scheduler"},
		{File: "kube-proxy", User: "system:kube-proxy"},
		{File: "coredns", User: "localkube:coredns"},
		{File: "provisioner", User: "localkube:provisioner"},
	}
	for _, node := range c.EachNode() {
		identities = append(identities, pki.Identity{
			File: nodeIdentity(node), User: "system:node:" + node.Name(), Groups: []string{"system:nodes"},
			Hosts: []string{node.Name(), node.IP().String()},
		})
	}
	return identities
}

func nodeIdentity(node instance.Node) string { return fmt.Sprintf("kubelet-%d", node.Number()) }

func (c *Cluster) kubeconfigUsers() []string {
	users := []string{"kube-controller-manager", "kube-scheduler", "kube-proxy", "coredns", "provisioner"}
	for _, node := range c.EachNode() {
		users = append(users, nodeIdentity(node))
	}
	return users
}
