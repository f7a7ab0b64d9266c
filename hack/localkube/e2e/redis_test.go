// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// serveTLS makes a key of its own and serves nothing but TLS. /data is the only folder that can be written to.
const serveTLS = `set -e
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost -days 1 \
  -keyout tls.key -out tls.crt
exec %s --port 0 --tls-port 6379 --tls-cert-file tls.crt --tls-key-file tls.key --tls-ca-cert-file tls.crt \
  --tls-auth-clients no --protected-mode no`

// Redis and Valkey serve TLS in a restricted pod whose root file system cannot be written to.
func TestRedisServesTLSInARestrictedPod(t *testing.T) {
	g := newGround(t)
	for vendor, major := range map[string]string{"redis": "7", "valkey": "8"} {
		server := pod(vendor, vendor, "zone-1", "localhost/"+vendor+":"+major, fmt.Sprintf(serveTLS, vendor+"-server"))
		server.Spec.Volumes = []corev1.Volume{
			{Name: "data", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		}
		container := &server.Spec.Containers[0]
		container.SecurityContext.ReadOnlyRootFilesystem = new(true)
		container.VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
		// Valkey's image has Redis' names too.
		container.ReadinessProbe = &corev1.Probe{PeriodSeconds: 1, ProbeHandler: corev1.ProbeHandler{
			Exec: &corev1.ExecAction{Command: []string{"redis-cli", "-e", "--tls", "--cacert", "tls.crt", "PING"}},
		}}
		g.createPod(server)
	}
	for vendor, want := range map[string]string{"redis": "Redis server v=7.0.", "valkey": "Valkey server v=8.0."} {
		g.awaitReady(vendor)
		if version := g.exec(vendor, "redis-server", "--version"); !strings.HasPrefix(version, want) {
			t.Errorf("version %q, want %q", version, want)
		}
		if owner := g.exec(vendor, "stat", "--format=%u:%g", "/data/tls.key"); strings.TrimSpace(owner) != "999:999" {
			t.Errorf("%s runs as %s", vendor, owner)
		}
	}
}
