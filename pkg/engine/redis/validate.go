// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// leastMajor is the oldest major version whose settings AtlasDB writes.
const leastMajor = 7

// leastShards is how many primaries it takes for the loss of one to leave a majority.
const leastShards = 3

var (
	specPath       = field.NewPath("spec")
	parametersPath = specPath.Child("parameters")
	resourcesPath  = specPath.Child("resources")
)

// Validate finds what the schema of the API cannot see. It repeats what the schema says of single values where a wrong
// one would end up in a file: an object may be older than the schema.
func (Engine) Validate(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	errs := validateTopology(spec)
	if _, known := persistence[persistenceOf(spec)]; !known {
		errs = append(errs, field.NotSupported(specPath.Child("redis", "persistence"), persistenceOf(spec),
			slices.Sorted(maps.Keys(persistence))))
	}
	errs = append(errs, engine.ValidateParameters(spec, validateParameter)...)
	if len(errs) > 0 {
		return errs // the memory depends on the parameters
	}
	return validateMemory(spec)
}

func validateTopology(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	var errs field.ErrorList
	major, _, _ := strings.Cut(spec.Version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < leastMajor {
		errs = append(errs, field.Invalid(specPath.Child("version"), spec.Version,
			fmt.Sprintf("Redis %d.0 is the oldest that AtlasDB runs", leastMajor)))
	}
	if spec.Shards != nil && *spec.Shards < leastShards {
		errs = append(errs, field.Invalid(specPath.Child("shards"), *spec.Shards, fmt.Sprintf(
			"allowed are %d and more: the primaries of a Redis Cluster elect each other's successors, and one of two has no "+
				"majority", leastShards)))
	}
	if spec.Network.TLS.Mode == v1alpha1.TLSPreferred {
		errs = append(errs, field.NotSupported(specPath.Child("network", "tls", "mode"), spec.Network.TLS.Mode,
			[]v1alpha1.TLSMode{v1alpha1.TLSRequired})) // one port of Redis cannot speak both
	}
	return errs
}

func validateParameter(path *field.Path, name, value string) *field.Error {
	if why, owned := ownedParameters.Reason(name); owned {
		return field.Forbidden(path, why)
	}
	d, known := directives[name]
	if !known {
		return field.Invalid(path, name, "no setting of Redis that AtlasDB offers; "+
			engine.Suggest(name, slices.Sorted(maps.Keys(directives))))
	}
	if err := d.check(value); err != nil {
		return field.Invalid(path, value, err.Error())
	}
	return nil
}

// validateMemory says whether the memory is enough for what is asked of it, and what would be.
func validateMemory(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	c := capacityOf(spec)
	if c.memory < leastMemory {
		path := resourcesPath.Child("requests")
		if _, limited := spec.Resources.Limits[corev1.ResourceMemory]; limited {
			path = resourcesPath.Child("limits")
		}
		return field.ErrorList{field.Invalid(path.Key("memory"), mebibytes(c.memory), fmt.Sprintf(
			"Redis needs at least %s, of which %s are for AtlasDB and a server without data", mebibytes(leastMemory),
			mebibytes(ownMemory)))}
	}
	chosen, ok := engine.UsersParameters(spec)["maxmemory"]
	if n, err := parseMemory(chosen); ok && (err != nil || n > c.mostData()) {
		return field.ErrorList{field.Invalid(parametersPath.Key("maxmemory"), chosen, fmt.Sprintf(
			"a member has %s of memory: allowed is from 1mb to %s, and from %s on a snapshot may not fit beside the data",
			mebibytes(c.memory), sizeOf(c.mostData()/mib*mib), sizeOf(c.data()/mib*mib)))}
	}
	return nil
}

// mebibytes writes bytes as Kubernetes reads them, rounded up.
func mebibytes(bytes int64) string { return fmt.Sprintf("%dMi", (bytes+mib-1)/mib) }
