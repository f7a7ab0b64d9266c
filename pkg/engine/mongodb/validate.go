// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

var (
	specPath       = field.NewPath("spec")
	parametersPath = specPath.Child("parameters")
	resourcesPath  = specPath.Child("resources")
)

// Validate finds what the schema of the API cannot see.
func (Engine) Validate(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	errs := validateTopology(spec)
	for _, name := range slices.Sorted(maps.Keys(spec.Parameters)) {
		if err := validateParameter(parametersPath.Key(name), name, string(spec.Parameters[name])); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return errs // the memory depends on the parameters
	}
	return validateMemory(spec)
}

func validateTopology(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	var errs field.ErrorList
	if spec.Shards != nil {
		errs = append(errs, &field.Error{
			Type: field.ErrorTypeNotSupported, Field: specPath.Child("shards").String(), BadValue: *spec.Shards,
			Detail: "this version of AtlasDB runs MongoDB as one replica set; allowed is a spec without shards",
		})
	}
	if _, known := SeriesOf(spec.Version); !known {
		errs = append(errs, field.Invalid(specPath.Child("version"), spec.Version,
			"AtlasDB runs MongoDB "+strings.Join(series, ", ")+" and their builds"))
	}
	if spec.Network.TLS.Mode == v1alpha1.TLSPreferred {
		errs = append(errs, field.NotSupported(specPath.Child("network", "tls", "mode"), spec.Network.TLS.Mode,
			[]v1alpha1.TLSMode{v1alpha1.TLSRequired}))
	}
	return errs
}

// validateParameter judges one parameter. MongoDB tells case apart, and so do names here.
func validateParameter(path *field.Path, name, value string) *field.Error {
	p, known := parameters[name]
	if !known {
		if why, owned := ownedParameters.Reason(strings.ToLower(name)); owned {
			return field.Forbidden(path, why)
		}
		return field.Invalid(path, name, "no parameter of MongoDB that AtlasDB offers; "+
			engine.Suggest(name, slices.Sorted(maps.Keys(parameters))))
	}
	if _, err := p.read(value); err != nil {
		return field.Invalid(path, value, err.Error())
	}
	return nil
}

// validateMemory says whether the memory is enough for what is asked of it, and what would be.
func validateMemory(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	limit, limited := spec.Resources.Limits[corev1.ResourceMemory]
	if limited && limit.Value() < leastMemory {
		return field.ErrorList{field.Invalid(resourcesPath.Child("limits").Key("memory"), limit.String(), fmt.Sprintf(
			"MongoDB needs at least %dMi: %dMi for AtlasDB and a server without data, and the smallest cache that it takes",
			leastMemory/mib, ownMemory/mib))}
	}
	chosen, isChosen := settingsOf(spec)[cacheSize].(float64)
	if most := mostCache(memoryOf(spec)); isChosen && chosen > most {
		return field.ErrorList{field.Invalid(parametersPath.Key(cacheSize), string(spec.Parameters[cacheSize]), fmt.Sprintf(
			"a member has %dMi of memory: allowed is from %v to %v, in GB", memoryOf(spec)/mib, leastCache, most))}
	}
	return nil
}
