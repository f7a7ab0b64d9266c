// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// leastMajor is the oldest major version whose parameters AtlasDB writes.
const leastMajor = 15

// parameterName is what the server's configuration file takes as a name, in lower case: a name of its own, or an
// extension's with one dot.
var parameterName = regexp.MustCompile(`^[a-z_][a-z0-9_$]*(\.[a-z_][a-z0-9_$]*)?$`)

var (
	specPath       = field.NewPath("spec")
	parametersPath = specPath.Child("parameters")
	resourcesPath  = specPath.Child("resources")
)

// Validate finds what the schema of the API cannot see. It repeats what the schema says of single values where a wrong
// one would end up in a file: an object may be older than the schema.
func (Engine) Validate(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	var errs field.ErrorList
	if majorOf(spec.Version) < leastMajor {
		errs = append(errs, field.Invalid(specPath.Child("version"), spec.Version,
			fmt.Sprintf("PostgreSQL %d is the oldest that AtlasDB runs", leastMajor)))
	}
	errs = append(errs, validateParameters(spec)...)
	if len(errs) > 0 {
		return errs // the memory depends on the parameters
	}
	return validateMemory(spec)
}

// validateParameters names all that AtlasDB owns beside the first that it refuses for that.
func validateParameters(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	errs := engine.ValidateParameters(spec, validateParameter)
	if slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Type == field.ErrorTypeForbidden }) {
		errs = append(errs, field.Forbidden(parametersPath, "AtlasDB sets these parameters itself: "+
			strings.Join(ownedParameters.Names(), ", ")))
	}
	return errs
}

func validateParameter(path *field.Path, name, value string) *field.Error {
	if !parameterName.MatchString(name) {
		return field.Invalid(path, name, "a parameter's name holds letters, digits, '_' and '$' and does not start with "+
			"a digit; an extension's has the extension's name and a '.' before it")
	}
	if why, owned := ownerReason(name); owned {
		return field.Forbidden(path, why)
	}
	if !utf8.ValidString(value) || strings.ContainsFunc(value, isControl) {
		return field.Invalid(path, value, "a value is one line of UTF-8 without control characters")
	}
	if b, checked := checkedParameters[name]; checked {
		if _, err := parseValue(value, b); err != nil {
			return field.Invalid(path, value, err.Error())
		}
	}
	return nil
}

func isControl(r rune) bool { return r < ' ' || r == 0x7f }

// validateMemory says whether the memory is enough for what is asked of it, and what would be.
func validateMemory(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	c, users := capacityOf(spec), engine.UsersParameters(spec)
	buffers, connections := memoryUse(c, users)
	_, chosen := users["shared_buffers"]
	if chosen && buffers >= c.memory {
		return field.ErrorList{field.Invalid(parametersPath.Key("shared_buffers"), users["shared_buffers"],
			fmt.Sprintf("a member has %s of memory, and shared_buffers must leave some of it", mebibytes(c.memory)))}
	}
	needed := memoryNeeded(buffers, connections)
	if !chosen {
		needed = leastMemory(connections)
	}
	if c.memory >= needed {
		return nil
	}
	path := resourcesPath.Child("requests")
	if _, limited := spec.Resources.Limits[corev1.ResourceMemory]; limited {
		path = resourcesPath.Child("limits")
	}
	return field.ErrorList{field.Invalid(path.Key("memory"), mebibytes(c.memory), fmt.Sprintf(
		"PostgreSQL needs at least %s: %s for itself, its shared_buffers, and %s for each of %d connections "+
			"(max_connections)", mebibytes(needed), mebibytes(ownMemory), mebibytes(connectionMemory), connections))}
}

// mebibytes writes bytes as Kubernetes reads them, rounded up.
func mebibytes(bytes int64) string { return fmt.Sprintf("%dMi", (bytes+mib-1)/mib) }
