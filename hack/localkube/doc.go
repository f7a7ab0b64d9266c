// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command localkube runs a real Kubernetes of several nodes on one plain Debian machine: no Docker, no virtual
// machines, no image registry, and no network beyond the machine once packages and modules are in its caches.
//
//	go build -o localkube . && sudo ./localkube up
//
// The machine must run Debian 12 or later with Go, root and the first version's control group hierarchies (boot
// parameter systemd.unified_cgroup_hierarchy=0 where systemd has chosen the second).
//
// # What stands there
//
// The control plane (etcd, kube-apiserver, kube-controller-manager, kube-scheduler, CoreDNS, a volume provisioner)
// has a network namespace of its own, and so has each node (kubelet, containerd, runc, kube-proxy). One bridge joins
// them. All programs are built from the Go modules in go.mod; containerd, runc and the CNI plugins are Debian's.
// RBAC, Node authorisation, NodeRestriction, Pod Security admission and the audit log are on.
// An instance has a name; instances stand side by side without sharing an address, a link, a control group or a file.
//
// # What differs from an ordinary cluster, and why
//
//   - A crashed container is started again after one second and not after up to five minutes, so that tests of
//     crashes take seconds (kubelet's crashLoopBackOff.maxContainerRestartPeriod).
//   - etcd does not fsync: a crash of the machine may cost the cluster, which is made to be thrown away.
//   - Volumes are folders of this machine's disk, bound to one node. They honour fsGroup, which hostPath volumes never
//     do, but neither their size nor quotas, and they cannot be expanded.
//   - containerd runs with restrict_oom_score_adj: root in a confined machine may lack CAP_SYS_RESOURCE, and every pod
//     would fail to start.
//   - Pods are joined by the CNI plugin ptp and not by a bridge: every packet is routed, so that kube-proxy's rules
//     see it even where the kernel does not pass bridged packets to them.
//   - Nothing has a default route: pulling an image fails at once, and no test can depend on the Internet.
//   - NetworkPolicies are accepted and not enforced.
//   - Every node reports the whole machine's CPUs and memory as its own.
//
// # Measured on two cores with 24 GB of memory
//
//	up, nothing installed or built     about 11 minutes: packages 0.5, programs 7, images 3 to 5
//	up, from the cache                 7 seconds
//	up, already up                     1 second
//	down                               1 to 10 seconds, most of it removing files
//	idle                               0.06 CPUs, 0.75 GB beside a second instance
//	image build + load of the project  7 seconds for two programs of 45 MB
//	node cut until NotReady            47 seconds (the controllers' own default), Ready 7 seconds after heal
//	node stop, start until pods serve  6 seconds
//
// # Where to read on
//
// internal/instance says what an instance's things are called, internal/config/templates holds the configuration of
// every component, and internal/cluster puts them together.
package main
