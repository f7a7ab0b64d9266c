// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import "path/filepath"

// Path joins elements below the instance's folder.
func (i Instance) Path(elements ...string) string {
	return filepath.Join(append([]string{i.Folder}, elements...)...)
}

// Kubeconfig is the administrator's kubeconfig.
func (i Instance) Kubeconfig() string { return i.Path("kubeconfig") }

// AuditLog holds one JSON event per request to the API server.
func (i Instance) AuditLog() string { return i.Path("audit", "audit.log") }

// Volumes holds a folder per node with a folder per PersistentVolume.
func (i Instance) Volumes() string { return i.Path("volumes") }

// LogFile is where a component's output goes; component is "etcd" or "node-1/kubelet".
func (i Instance) LogFile(component string) string { return i.Path("log", component+".log") }

// ConfigFile is a rendered configuration file.
func (i Instance) ConfigFile(elements ...string) string {
	return i.Path(append([]string{"config"}, elements...)...)
}

// PKI is the folder of keys and certificates.
func (i Instance) PKI() string { return i.Path("pki") }

// ControlNamespace is the file that keeps the control plane's network namespace.
func (i Instance) ControlNamespace() string { return i.Path("netns", "control") }

// Group is the instance's control group: every process of the instance lives below it.
func (i Instance) Group() string { return "/" + i.Bridge() }

// ControlGroup is the control group of a component of the control plane.
func (i Instance) ControlGroup(component string) string { return i.Group() + "/control/" + component }

// Path joins elements below the node's folder.
func (n Node) Path(elements ...string) string {
	return n.instance.Path(append([]string{n.Name()}, elements...)...)
}

// Run is what a real node keeps in /run: it does not outlive a power loss.
func (n Node) Run(elements ...string) string { return n.Path(append([]string{"run"}, elements...)...) }

// ConfigFile is a rendered configuration file of the node.
func (n Node) ConfigFile(elements ...string) string {
	return n.instance.ConfigFile(append([]string{n.Name()}, elements...)...)
}

// Socket is where the node's containerd listens.
func (n Node) Socket() string { return n.Run("containerd.sock") }

// Namespace is the file that keeps the node's network namespace.
func (n Node) Namespace() string { return n.instance.Path("netns", n.Name()) }

// Group is the node's control group.
func (n Node) Group() string { return n.instance.Group() + "/" + n.Name() }

// PodsGroup is the control group that kubelet makes for all pods of the node.
func (n Node) PodsGroup() string { return n.Group() + "/kubepods" }

// ComponentGroup is the control group of one of the node's daemons.
func (n Node) ComponentGroup(component string) string { return n.Group() + "/system/" + component }

// Component is the full name of one of the node's daemons, as in logs.
func (n Node) Component(daemon string) string { return n.Name() + "/" + daemon }
