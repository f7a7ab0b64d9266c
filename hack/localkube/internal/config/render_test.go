// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"encoding/json"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	proxyv1alpha1 "k8s.io/kube-proxy/config/v1alpha1"
	kubeletv1beta1 "k8s.io/kubelet/config/v1beta1"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/instance"
)

func testNode(t *testing.T) (instance.Instance, instance.Node) {
	t.Helper()
	i, err := instance.New("/state", "dev", 3)
	if err != nil {
		t.Fatal(err)
	}
	i.Index = 1
	return i, i.Node(2)
}

// decode decodes as strictly as the component itself does.
func decode(t *testing.T, content []byte, add func(*runtime.Scheme) error, into runtime.Object) {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := add(scheme); err != nil {
		t.Fatal(err)
	}
	codecs := serializer.NewCodecFactory(scheme, serializer.EnableStrict)
	if err := runtime.DecodeInto(codecs.UniversalDecoder(), content, into); err != nil {
		t.Fatalf("%v in:\n%s", err, content)
	}
}

func TestKubeletConfiguration(t *testing.T) {
	t.Parallel()
	i, node := testNode(t)
	content, err := Render("kubelet.yaml", Node{Node: node, Cluster: i})
	if err != nil {
		t.Fatal(err)
	}
	var got kubeletv1beta1.KubeletConfiguration
	decode(t, content, kubeletv1beta1.AddToScheme, &got)
	if got.CgroupRoot != "/lk1/node-2" || got.PodLogsDir != "/state/dev/node-2/pod-logs" {
		t.Errorf("cgroup root %s, pod logs %s", got.CgroupRoot, got.PodLogsDir)
	}
	if got.Authorization.Mode != kubeletv1beta1.KubeletAuthorizationModeWebhook {
		t.Errorf("authorization mode %s", got.Authorization.Mode)
	}
	if period := got.CrashLoopBackOff.MaxContainerRestartPeriod.Duration; period != time.Second {
		t.Errorf("restart period %s", period)
	}
	if len(got.ClusterDNS) != 1 || got.ClusterDNS[0] != "198.18.16.2" {
		t.Errorf("cluster DNS %v", got.ClusterDNS)
	}
}

func TestProxyConfiguration(t *testing.T) {
	t.Parallel()
	i, node := testNode(t)
	content, err := Render("kube-proxy.yaml", Proxy{Name: node.Name(), Cluster: i, MasqueradeAll: true})
	if err != nil {
		t.Fatal(err)
	}
	var got proxyv1alpha1.KubeProxyConfiguration
	decode(t, content, proxyv1alpha1.AddToScheme, &got)
	if got.HostnameOverride != "node-2" || got.ClusterCIDR != "198.18.16.0/20" || !got.IPTables.MasqueradeAll {
		t.Errorf("got %+v", got)
	}
}

func TestContainerNetwork(t *testing.T) {
	t.Parallel()
	i, node := testNode(t)
	content, err := Render("cni.conflist", Node{Node: node, Cluster: i})
	if err != nil {
		t.Fatal(err)
	}
	var got struct {
		Name    string
		Plugins []struct {
			IPAM struct {
				Ranges [][]struct{ Subnet string }
			}
		}
	}
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatalf("%v in:\n%s", err, content)
	}
	subnet := got.Plugins[0].IPAM.Ranges[0][0].Subnet
	if got.Name != "localkube-dev-node-2" || subnet != "198.18.18.0/24" {
		t.Errorf("name %s, subnet %s", got.Name, subnet)
	}
}

func TestUnknownFieldFails(t *testing.T) {
	t.Parallel()
	if _, err := Render("kubelet.yaml", map[string]string{}); err == nil {
		t.Error("want an error")
	}
}
