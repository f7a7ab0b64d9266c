// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/daemon"
)

// startControlPlane starts the store and the API server, and what talks to it once it is ready.
func (c *Cluster) startControlPlane(ctx context.Context) error {
	err := c.Report.Step("etcd and kube-apiserver", func() error {
		for _, spec := range []daemon.Spec{c.etcd(), c.apiServer()} {
			if err := c.starter.Start(spec); err != nil {
				return err
			}
		}
		return c.awaitAPI(ctx)
	})
	if err != nil {
		return err
	}
	for _, spec := range c.controllers() {
		if err := c.starter.Start(spec); err != nil {
			return err
		}
	}
	return c.Report.Step("StorageClass and roles", func() error {
		_, err := c.kubectl(ctx, "apply", "--server-side", "--filename", c.ConfigFile("manifests.yaml"))
		return err
	})
}

// component is a daemon of the control plane.
func (c *Cluster) component(program string, arguments ...string) daemon.Spec {
	return daemon.Spec{
		Name:      program,
		Argv:      append([]string{c.programs.Path(program)}, arguments...),
		Group:     c.ControlGroup(program),
		Namespace: c.ControlNamespace(),
		Log:       c.LogFile(program),
	}
}

// etcd runs without fsync: a crash of the machine may cost the whole cluster, which is made to be thrown away, and
// every write is several times as fast.
func (c *Cluster) etcd() daemon.Spec {
	return c.component("etcd",
		"--name=localkube", "--data-dir="+c.Path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls="+etcdClient, "--advertise-client-urls="+etcdClient,
		"--listen-peer-urls="+etcdPeer, "--initial-advertise-peer-urls="+etcdPeer,
		"--initial-cluster=localkube="+etcdPeer,
		"--quota-backend-bytes=8589934592",
	)
}

// Only the control plane's own network namespace can reach these.
const (
	etcdClient = "http://127.0.0.1:2379"
	etcdPeer   = "http://127.0.0.1:2380"
)

// apiServer audits every request, and before it answers (mode blocking): a test that has seen the effect of a write
// finds the write in the log.
func (c *Cluster) apiServer() daemon.Spec {
	issued := func(name string) string { return c.Path("pki", name) }
	return c.component("kube-apiserver",
		"--etcd-servers="+etcdClient,
		"--advertise-address="+c.ControlIP().String(), "--bind-address="+c.ControlIP().String(),
		fmt.Sprintf("--secure-port=%d", apiServerPort),
		"--service-cluster-ip-range="+c.ServiceSubnet().String(),
		"--allow-privileged", "--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction",
		"--client-ca-file="+issued("ca.crt"),
		"--tls-cert-file="+issued("apiserver.crt"), "--tls-private-key-file="+issued("apiserver.key"),
		"--kubelet-client-certificate="+issued("kubelet-client.crt"),
		"--kubelet-client-key="+issued("kubelet-client.key"),
		"--kubelet-certificate-authority="+issued("ca.crt"), "--kubelet-preferred-address-types=InternalIP",
		"--requestheader-client-ca-file="+issued("front-proxy-ca.crt"),
		"--requestheader-allowed-names=front-proxy", "--requestheader-username-headers=X-Remote-User",
		"--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file="+issued("front-proxy.crt"), "--proxy-client-key-file="+issued("front-proxy.key"),
		"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
		"--service-account-key-file="+issued("service-account.key"),
		"--service-account-signing-key-file="+issued("service-account.key"),
		"--audit-policy-file="+c.ConfigFile("audit-policy.yaml"), "--audit-log-path="+c.AuditLog(),
		"--audit-log-mode=blocking", "--audit-log-maxsize=4096",
	)
}

// controllers are the daemons that need the API server.
func (c *Cluster) controllers() []daemon.Spec {
	kubeconfig := func(user string) string { return c.ConfigFile(user + ".kubeconfig") }
	delegated := func(user string) []string {
		return []string{
			"--kubeconfig=" + kubeconfig(user), "--authentication-kubeconfig=" + kubeconfig(user),
			"--authorization-kubeconfig=" + kubeconfig(user), "--leader-elect=false",
		}
	}
	manager := append(delegated("kube-controller-manager"),
		"--use-service-account-credentials",
		// Each of its forty controllers asks for a token of its own, which takes seconds at the usual rate.
		"--kube-api-qps=200", "--kube-api-burst=400",
		"--service-account-private-key-file="+c.Path("pki", "service-account.key"),
		"--root-ca-file="+c.Path("pki", "ca.crt"),
		"--cluster-signing-cert-file="+c.Path("pki", "ca.crt"), "--cluster-signing-key-file="+c.Path("pki", "ca.key"),
	)
	return []daemon.Spec{
		c.component("kube-controller-manager", manager...),
		c.component("kube-scheduler", delegated("kube-scheduler")...),
		c.component("kube-proxy", "--config="+c.ConfigFile("kube-proxy.yaml")),
		c.component("coredns", "-conf", c.ConfigFile("Corefile")),
		c.component("provisioner", "--kubeconfig="+kubeconfig("provisioner"), "--root="+c.Volumes()),
	}
}
