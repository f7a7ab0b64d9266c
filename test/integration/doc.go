// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package integration holds AtlasDB against the real API server and etcd, without kubelets: what the CRDs accept and
// refuse, what the manifests are, and what the controllers write.
//
// `make integration` runs it. KUBE_PROGRAMS names the folder of etcd and kube-apiserver; the tests start both on
// loopback ports of their own and end them. What is missing fails the tests: they are never skipped.
//
// apiserver_test.go starts the server, schema_test.go tries the rules of the API, controller_test.go drives the real
// controller in this process.
package integration
