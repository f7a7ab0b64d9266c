// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

// place is where a parameter stands.
type place int

// The places.
const (
	// inProfile: a setting of the profile that applications have, in users.xml. Whatever is nowhere else is one.
	inProfile place = iota
	// inServer: a setting of the server, in config.xml; dots in its name lead from tag to tag.
	inServer
)

// rule is what is known of a parameter in a dialect.
type rule struct {
	place place
	// restart says that a running server does not take another value.
	restart bool
	// check says what is wrong with a value; nil when nothing is. It is nil where the server is the judge.
	check func(value string) error
}

// ruleOf gives the rule for a parameter; ok is false for one that the version does not have.
func (d Dialect) ruleOf(name string) (r rule, ok bool) {
	if p, known := serverParameters[name]; known {
		switch {
		case !d.ServerPools && p.pool:
			return rule{place: inProfile, restart: true, check: p.check}, true
		case !d.ServerSettings && !p.old:
			return rule{}, false
		}
		return rule{place: inServer, restart: !p.live || !d.ServerSettings, check: p.check}, true
	}
	if section, _, dotted := strings.Cut(name, "."); dotted {
		return rule{place: inServer, restart: true}, slices.Contains(tableSections, section)
	}
	return rule{place: inProfile}, true
}

// tableSections are the sections of config.xml with what tables do that do not say otherwise. The settings in them are
// more than can be listed, and the server is the judge.
var tableSections = []string{"merge_tree", "replicated_merge_tree"}

// parametersOf gives the parameters of a spec that stand in one place, over what is computed for it.
func (d Dialect) parametersOf(
	spec *v1alpha1.DatabaseClusterSpec, in place, computed map[string]string,
) map[string]string {
	all := maps.Clone(computed)
	for name, value := range engine.UsersParameters(spec) {
		if r, known := d.ruleOf(name); known && r.place == in {
			all[name] = value
		}
	}
	return all
}

// settings makes elements of parameters, sorted by name: tags of the same section stand together.
func settings(parameters map[string]string) []element {
	var all []element
	for _, name := range slices.Sorted(maps.Keys(parameters)) {
		all = insert(all, strings.Split(name, "."), parameters[name])
	}
	return all
}

func insert(into []element, path []string, value string) []element {
	if len(path) == 1 {
		return append(into, leaf(path[0], value))
	}
	i := slices.IndexFunc(into, func(e element) bool { return e.name == path[0] })
	if i < 0 {
		into = append(into, group(path[0]))
		i = len(into) - 1
	}
	into[i].children = insert(into[i].children, path[1:], value)
	return into
}

// Waiting are the parameters, and the sections of MemberFile, for which a running server must be started again: what
// it was started with is compared with what it would be started with now, sorted. Both are as ServerFiles gives them.
func (d Dialect) Waiting(started, wanted map[string]string) ([]string, error) {
	var waiting []string
	for file, waits := range map[string]func(key string) (name string, waits bool){
		ConfigFile: d.waitsInServer, UsersFile: d.waitsInProfile, MemberFile: d.waitsInMember,
	} {
		had, err := ParseConfig(started[file])
		if err != nil {
			return nil, fmt.Errorf("%s of the running server: %w", file, err)
		}
		wants, err := ParseConfig(wanted[file])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		for _, key := range differing(had, wants) {
			if name, yes := waits(key); yes {
				waiting = append(waiting, name)
			}
		}
	}
	slices.Sort(waiting)
	return slices.Compact(waiting), nil
}

func (d Dialect) waitsInServer(key string) (name string, waits bool) {
	r, known := d.ruleOf(key)
	return key, known && r.place == inServer && r.restart
}

func (d Dialect) waitsInProfile(key string) (name string, waits bool) {
	name, ofDefault := strings.CutPrefix(key, defaultProfile)
	r, known := d.ruleOf(name)
	return name, ofDefault && known && r.place == inProfile && r.restart
}

// waitsInMember: a server begins to work for all members at its start, if ever. An old one takes over nothing at all
// but where the other members are.
func (d Dialect) waitsInMember(key string) (name string, waits bool) {
	section, _, _ := strings.Cut(key, ".")
	switch section {
	case "distributed_ddl":
		return section, true
	case "zookeeper", "interserver_https_host", "interserver_http_credentials":
		return section, !d.ServerSettings
	}
	return section, false
}

// differing are the keys whose values are not the same, or that only one of two has.
func differing(a, b map[string]string) []string {
	var keys []string
	for key, value := range a {
		if other, both := b[key]; !both || other != value {
			keys = append(keys, key)
		}
	}
	for key := range b {
		if _, both := a[key]; !both {
			keys = append(keys, key)
		}
	}
	return keys
}
