// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	corev1ac "k8s.io/client-go/applyconfigurations/core/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// Generation is a Secret that is to be made, or whose random part is to be made anew.
type Generation struct {
	// What is in the Secret.
	What Generated
	// Why says what for, for the log.
	Why string
}

// Generated is what a Secret holds that a pure function cannot make, since it has no randomness.
type Generated string

// What is generated.
const (
	// GenerateAuthority is the cluster's certificate authority.
	GenerateAuthority Generated = "authority"
	// GenerateCertificates are the members' certificates, all at once: a pair is never seen in part.
	GenerateCertificates Generated = "certificates"
	// GenerateLogin is the application's login.
	GenerateLogin Generated = "login"
)

// name is the name of the Secret.
func (g Generated) name(cluster string) string {
	switch g {
	case GenerateAuthority:
		return resource.CASecretName(cluster)
	case GenerateCertificates:
		return resource.TLSSecretName(cluster)
	case GenerateLogin:
		return resource.AppSecretName(cluster)
	}
	return ""
}

// wantSecrets asks for the Secrets that hold something random. What is random in them is made anew only when it is
// gone, unusable or old; all that follows from it is kept right like any other field.
func (d *Decision) wantSecrets(s Snapshot) error {
	t := trustOf(s)
	for _, want := range []func(*Decision, Snapshot, trust) error{
		(*Decision).wantAuthority,
		(*Decision).wantCertificates,
		(*Decision).wantLogin,
	} {
		if err := want(d, s, t); err != nil {
			return err
		}
	}
	return nil
}

// generate asks for something random. A Secret of somebody else is left alone.
func (d *Decision) generate(s Snapshot, what Generated, why string) {
	ref := Ref{"Secret", what.name(s.Cluster.Name)}
	if seen, exists := s.Objects[ref]; exists && d.blocked(s, ref, seen) {
		return
	}
	d.Generate = append(d.Generate, Generation{what, why})
}

// wantSecret asks for an existing Secret to be as wanted.
func (d *Decision) wantSecret(s Snapshot, wanted *corev1ac.SecretApplyConfiguration) error {
	wanted.Type = nil // nobody may change it, and a Secret of another type serves as well
	if err := d.want(s, wanted); err != nil {
		return err
	}
	onlyIfUnchanged(wanted, s.Secret(*wanted.Name))
	return nil
}

// onlyIfUnchanged has the API server refuse a write to a Secret that is no longer as it was seen: a user may have
// written a password since, which must not be undone.
func onlyIfUnchanged(wanted *corev1ac.SecretApplyConfiguration, seen *corev1.Secret) {
	wanted.WithResourceVersion(seen.ResourceVersion)
}

// ownSecret gives a Secret that is ours, or that nobody controls and carries our labels; nil when there is none. What
// somebody else put under one of our names is not even read.
func ownSecret(s Snapshot, name string) *corev1.Secret {
	if secret := s.Secret(name); secret != nil && ownerOf(secret, s.Cluster) <= adoptable {
		return secret
	}
	return nil
}

// lookAgain bounds the wait for a moment that is far away: a timer does not see that somebody set the clock, or that
// the machine slept.
const lookAgain = 24 * time.Hour

// due says whether a moment has come, and asks for a pass when it does.
func (d *Decision) due(s Snapshot, at time.Time) bool {
	left := at.Sub(s.Now.Time)
	if left <= 0 {
		return true
	}
	d.requeueAfter(min(left, lookAgain))
	return false
}

// secretTrouble says what is wrong with a Secret that only its user can mend.
func (d *Decision) secretTrouble(secret, wrong string) {
	d.Troubles = append(d.Troubles, trouble{v1alpha1.ReasonInvalidSecret, "Secret " + secret + ": " + wrong})
}
