// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// UsersParameters are the parameters of a spec under their names in lower case, for an engine that does not tell case
// apart.
func UsersParameters(spec *v1alpha1.DatabaseClusterSpec) map[string]string {
	users := make(map[string]string, len(spec.Parameters))
	for name, value := range spec.Parameters {
		users[strings.ToLower(name)] = string(value)
	}
	return users
}

// ValidateParameters has each parameter judged under its name in lower case, by name so that the errors come in the
// same order every time. One name in two spellings is an error: which of the values counts would be chance.
func ValidateParameters(
	spec *v1alpha1.DatabaseClusterSpec, judge func(path *field.Path, name, value string) *field.Error,
) field.ErrorList {
	var errs field.ErrorList
	path := field.NewPath("spec", "parameters")
	seen := make(map[string]string, len(spec.Parameters))
	for _, name := range slices.Sorted(maps.Keys(spec.Parameters)) {
		lower := strings.ToLower(name)
		if first, again := seen[lower]; again {
			errs = append(errs, field.Invalid(path.Key(name), name,
				fmt.Sprintf("the same parameter as %q: %s does not tell case apart", first, spec.Engine)))
			continue
		}
		seen[lower] = name
		if err := judge(path.Key(name), lower, string(spec.Parameters[name])); err != nil {
			errs = append(errs, err)
		}
	}
	return errs
}
