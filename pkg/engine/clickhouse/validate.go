// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

var (
	specPath      = field.NewPath("spec")
	resourcesPath = specPath.Child("resources")
	keeperPath    = specPath.Child("clickhouse", "keeper")
)

// keeperCounts are how many keepers there may be.
var keeperCounts = []int32{1, 3, 5}

var _ engine.Engine = Engine{}

// Validate finds what the schema of the API cannot see. It repeats what the schema says of single values where a wrong
// one would end up in a file: an object may be older than the schema.
func (Engine) Validate(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	d, known := DialectOf(spec.Version)
	if !known {
		return field.ErrorList{field.Invalid(specPath.Child("version"), spec.Version, versionsAllowed())}
	}
	var errs field.ErrorList
	if spec.Network.TLS.Mode == v1alpha1.TLSPreferred {
		errs = append(errs, field.NotSupported(specPath.Child("network", "tls", "mode"), spec.Network.TLS.Mode,
			[]v1alpha1.TLSMode{v1alpha1.TLSRequired})) // there is no port for clients that speaks anything else
	}
	errs = append(errs, validateKeeper(spec)...)
	errs = append(errs, validateMemory(resourcesPath, spec.Resources, d.LeastMemory)...)
	errs = append(errs, engine.ValidateParameters(spec, d.validateParameter)...)
	if len(errs) > 0 {
		return errs // the parameters for memory depend on it
	}
	return d.validateServerMemory(spec)
}

// versionsAllowed says which versions AtlasDB runs.
func versionsAllowed() string {
	var all []string
	for _, d := range slices.Backward(dialects) {
		if d.Before == "" {
			all = append(all, d.Since+" and later")
		} else {
			all = append(all, d.Since)
		}
	}
	return "allowed are " + strings.Join(all, ", and ")
}

func validateKeeper(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	keeper := keeperOf(spec)
	var errs field.ErrorList
	if !slices.Contains(keeperCounts, keeper.Members) {
		errs = append(errs, field.Invalid(keeperPath.Child("members"), keeper.Members,
			"allowed are 1, 3 and 5: of an even number one is there for nothing"))
	}
	return append(errs, validateMemory(keeperPath.Child("resources"), keeper.Resources, leastKeeperMemory)...)
}

// validateMemory says whether a limit leaves a server enough. A request that is too small is none: a server may take
// more than it requests.
func validateMemory(path *field.Path, r v1alpha1.ResourcesSpec, least int64) field.ErrorList {
	limit, limited := r.Limits[corev1.ResourceMemory]
	if !limited || limit.Value() >= least {
		return nil
	}
	return field.ErrorList{field.Invalid(path.Child("limits").Key("memory"), limit.String(), fmt.Sprintf(
		"at least %s, of which %s are for AtlasDB and the rest for a server that does anything", mebibytes(least),
		mebibytes(ownMemory)))}
}

// parameterForm is what a setting of a profile or of tables is called.
var parameterForm = regexp.MustCompile(`^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$`)

// validateParameter judges one parameter. There are more than a thousand settings of profiles, and other ones in each
// version: whether there is one of that name the server knows, and a member that does not take it says so.
func (d Dialect) validateParameter(path *field.Path, name, value string) *field.Error {
	if why, owned := ownedParameters.Reason(name); owned {
		return field.Forbidden(path, why)
	}
	if !parameterForm.MatchString(name) {
		return field.Invalid(path, name, "allowed are lower-case letters, digits and _, and one dot after a section")
	}
	r, known := d.ruleOf(name)
	if !known {
		return field.Invalid(path, name, "no setting that AtlasDB offers for this version; allowed with a dot are "+
			"merge_tree.*, replicated_merge_tree.*, logger.level and query_cache.*")
	}
	if err := text(value); err != nil {
		return field.Invalid(path, value, err.Error())
	}
	if r.check == nil {
		return nil
	}
	if err := r.check(value); err != nil {
		return field.Invalid(path, value, err.Error())
	}
	return nil
}

// validateServerMemory holds the user's own limit of memory against what the container has: beyond it the kernel would
// end the server where the server could have ended one query.
func (d Dialect) validateServerMemory(spec *v1alpha1.DatabaseClusterSpec) field.ErrorList {
	const name = "max_server_memory_usage"
	chosen, ok := engine.UsersParameters(spec)[name]
	most := capacityOf(spec.Resources, d.LeastMemory).memory - ownMemory
	if n, err := strconv.ParseInt(chosen, 10, 64); !ok || (err == nil && n > 0 && n <= most) {
		return nil
	}
	return field.ErrorList{field.Invalid(specPath.Child("parameters").Key(name), chosen, fmt.Sprintf(
		"allowed is from 1 to %d, in bytes: a member has %s, of which %s are for AtlasDB", most,
		mebibytes(most+ownMemory), mebibytes(ownMemory)))}
}

// mebibytes writes bytes as Kubernetes reads them, rounded up.
func mebibytes(bytes int64) string { return fmt.Sprintf("%dMi", (bytes+mib-1)/mib) }
