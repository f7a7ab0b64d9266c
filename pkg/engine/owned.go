// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"maps"
	"slices"
	"strings"
)

// Owned are the parameters that are not the user's to set, in lower case, by the reason that the user reads. A star at
// one end stands for anything.
type Owned map[string][]string

// Reason says why a parameter, in lower case, is not the user's to set; owned is false when it is.
func (o Owned) Reason(name string) (why string, owned bool) {
	for _, why := range slices.Sorted(maps.Keys(o)) {
		if slices.ContainsFunc(o[why], func(pattern string) bool { return matches(pattern, name) }) {
			return why, true
		}
	}
	return "", false
}

// Names are all patterns, sorted, for people.
func (o Owned) Names() []string {
	var names []string
	for _, patterns := range o {
		names = append(names, patterns...)
	}
	slices.Sort(names)
	return names
}

func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	if suffix, ok := strings.CutPrefix(pattern, "*"); ok {
		return strings.HasSuffix(name, suffix)
	}
	return name == pattern
}
