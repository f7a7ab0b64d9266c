// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	"k8s.io/apimachinery/pkg/util/version"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// judge decides whether the spec can be carried out, and with which build. The schema of the API has refused what can
// be seen from the object alone; here the spec meets its DatabaseEngine, its engine's rules and the data that is
// there.
func (d *Decision) judge(s Snapshot) {
	spec := &s.Cluster.Spec
	if s.Engine == nil {
		d.Verdict = Verdict{v1alpha1.ReasonUnsupported, fmt.Sprintf(
			"spec.engine: %s is not supported by this version of AtlasDB", spec.Engine)}
		return
	}
	// First what no platform could make good by an offer.
	if errs := s.Engine.Validate(spec); len(errs) > 0 {
		d.Verdict = objection(errs)
		return
	}
	if s.Offer == nil {
		d.Verdict = Verdict{v1alpha1.ReasonEngineNotOffered, fmt.Sprintf(
			"spec.engine: there is no DatabaseEngine %q; the platform team creates it", offerName(spec.Engine))}
		return
	}
	used := buildInUse(s)
	chosen, ok := chooseBuild(s.Offer, spec.Version, used)
	if !ok {
		d.Verdict = Verdict{v1alpha1.ReasonVersionNotOffered, fmt.Sprintf(
			"spec.version: DatabaseEngine %q does not list %q; it lists %s",
			s.Offer.Name, spec.Version, strings.Join(versionNames(s.Offer), ", "))}
		return
	}
	if why := changeFault(s, used, chosen); why != "" {
		d.Verdict = Verdict{v1alpha1.ReasonUnsupported, fmt.Sprintf(
			"spec.version: %s cannot become %s: %s", used, chosen.Name, why)}
		return
	}
	d.Verdict = Verdict{v1alpha1.ReasonAccepted, "the spec can be carried out"}
	d.Build, d.Image = chosen.Name, chosen.Image
	d.EnsembleImage = cmp.Or(chosen.EnsembleImage, chosen.Image)
	d.Available = newerBuild(s.Offer, chosen.Name)
}

// objection says whether a spec asks for what cannot be, or for what AtlasDB does not do.
func objection(errs field.ErrorList) Verdict {
	v := Verdict{v1alpha1.ReasonUnsupported, errs.ToAggregate().Error()}
	if slices.ContainsFunc(errs, func(e *field.Error) bool { return e.Type != field.ErrorTypeNotSupported }) {
		v.Reason = v1alpha1.ReasonInvalid
	}
	return v
}

// changeFault says why the build that is in use cannot become another; "" when it can. Between major versions both the
// engine and the platform must know the way: the engine one major version at a time, the platform build by build.
func changeFault(s Snapshot, used string, chosen v1alpha1.EngineVersion) string {
	next := s.Engine.NextMajor(used)
	switch {
	case used == "":
		return ""
	case lessBuild(chosen.Name, used):
		// Replicas go first, and one that is older than its primary may not understand what that writes. Without a primary
		// the first member that came up with it may write what the others would not understand.
		return "the data is in use with the newer build"
	case majorOf(used) == majorOf(chosen.Name):
		return ""
	case next == "":
		return "a change of the major version is not supported"
	case !strings.HasPrefix(chosen.Name+".", next+"."):
		return "major versions follow one another, and the next is " + next
	case !slices.Contains(chosen.UpgradeFrom, used):
		return fmt.Sprintf("DatabaseEngine %q does not list %s in upgradeFrom of %s", s.Offer.Name, used, chosen.Name)
	}
	return ""
}

// buildInUse is the newest build that a primary's volume says it was used with, or else the newest that any says; ""
// when there is no data yet. A primary is the last of its shard that takes a newer build over, so that a change which
// has reached only replicas can still be taken back.
func buildInUse(s Snapshot) string {
	var primaries []Member
	for _, m := range s.Members {
		if at, known := lastPrimary(s, m.Shard); known && at == m.Place {
			primaries = append(primaries, m)
		}
	}
	return cmp.Or(newestBuild(primaries), newestBuild(s.Members))
}

// newestBuild is the newest build that the volumes of members name.
func newestBuild(members []Member) string {
	newest := ""
	for _, m := range members {
		if m.Volume == nil {
			continue
		}
		build := m.Volume.Labels[v1alpha1.LabelBuild]
		if build != "" && (newest == "" || lessBuild(newest, build)) {
			newest = build
		}
	}
	return newest
}

// chooseBuild finds the build that spec.version means. A full name means itself. A prefix means the newest supported
// build at the creation of the cluster, and from then on the build in use, so that an edit of the DatabaseEngine never
// restarts a database.
func chooseBuild(offer *v1alpha1.DatabaseEngine, wanted, used string) (v1alpha1.EngineVersion, bool) {
	best, found := v1alpha1.EngineVersion{}, false
	for _, v := range offer.Spec.Versions {
		if v.Name == wanted {
			return v, true
		}
		if !strings.HasPrefix(v.Name, wanted+".") {
			continue
		}
		if v.Name == used {
			return v, true
		}
		supported := v.Lifecycle != v1alpha1.LifecycleDeprecated
		if supported && (!found || lessBuild(best.Name, v.Name)) {
			best, found = v, true
		}
	}
	return best, found
}

// newerBuild is the newest supported build of the same major version, or "" when there is none newer.
func newerBuild(offer *v1alpha1.DatabaseEngine, current string) string {
	newest := current
	for _, v := range offer.Spec.Versions {
		if v.Lifecycle != v1alpha1.LifecycleDeprecated && majorOf(v.Name) == majorOf(current) &&
			lessBuild(newest, v.Name) {
			newest = v.Name
		}
	}
	if newest == current {
		return ""
	}
	return newest
}

func versionNames(offer *v1alpha1.DatabaseEngine) []string {
	names := make([]string, 0, len(offer.Spec.Versions))
	for _, v := range offer.Spec.Versions {
		names = append(names, v.Name)
	}
	slices.SortFunc(names, compareBuilds)
	return names
}

func majorOf(build string) string {
	major, _, _ := strings.Cut(build, ".")
	return major
}

func lessBuild(a, b string) bool { return compareBuilds(a, b) < 0 }

// compareBuilds orders builds by their numbers; the schema admits nothing that does not parse.
func compareBuilds(a, b string) int {
	va, err := version.ParseGeneric(a)
	if err != nil {
		return strings.Compare(a, b)
	}
	order, err := va.Compare(b)
	if err != nil {
		return strings.Compare(a, b)
	}
	return order
}
