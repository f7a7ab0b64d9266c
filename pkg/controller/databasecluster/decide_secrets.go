// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// wantSecrets asks for the secrets that are made once. The certificates need the authority, and the login holds the
// authority's certificate, so the authority comes first and the two others in the next pass.
func (d *Decision) wantSecrets(s Snapshot) {
	names := []struct {
		generation Generation
		name       string
	}{
		{GenerateAuthority, resource.CASecretName(s.Cluster.Name)},
		{GenerateCertificates, resource.TLSSecretName(s.Cluster.Name)},
		{GenerateLogin, resource.AppSecretName(s.Cluster.Name)},
	}
	for _, n := range names {
		secret := s.Secret(n.name)
		switch {
		case secret == nil:
			d.Generate = append(d.Generate, n.generation)
			if n.generation == GenerateAuthority {
				return
			}
		case ownerOf(secret, s.Cluster) == foreign:
			d.Obstacles = append(d.Obstacles, Obstacle{Ref{"Secret", n.name}, v1alpha1.ReasonNameConflict})
		case ownerOf(secret, s.Cluster) == leaving:
			d.Obstacles = append(d.Obstacles, Obstacle{Ref{"Secret", n.name}, v1alpha1.ReasonWaitingForDeletion})
		}
	}
}
