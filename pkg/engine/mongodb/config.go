// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// fileHeader begins the file, for people who find it in a container.
const fileHeader = "# Written by AtlasDB from the DatabaseCluster: change its spec, a change made here is lost.\n"

// Settings are options of mongod.conf by their full name, with dots: "net.tls.mode". A value is a string, a bool, an
// int64 or a float64. A server parameter stands below setParameterPrefix.
type Settings map[string]any

// setParameterPrefix is the section of mongod.conf that holds server parameters.
const setParameterPrefix = "setParameter."

// Configure renders the file that all members share, and what their agents need for an upgrade.
func (Engine) Configure(spec *v1alpha1.DatabaseClusterSpec, _ string) map[string]string {
	return map[string]string{ConfigFile: RenderConfig(settingsOf(spec)), UpgradeFile: upgradeOf(spec).String()}
}

// RenderConfig writes settings as mongod.conf, which is YAML
// (https://www.mongodb.com/docs/manual/reference/configuration-options/), sorted by name.
func RenderConfig(s Settings) string {
	root := map[string]any{}
	for name, value := range s {
		path := strings.Split(name, ".")
		section := root
		for _, key := range path[:len(path)-1] {
			next, there := section[key].(map[string]any)
			if !there {
				next = map[string]any{}
				section[key] = next
			}
			section = next
		}
		section[path[len(path)-1]] = value
	}
	rendered, err := yaml.Marshal(root)
	if err != nil {
		panic("plain data, yet rendering it failed: " + err.Error())
	}
	return fileHeader + string(rendered)
}

// ParseConfig reads a mongod.conf back.
func ParseConfig(content string) (Settings, error) {
	encoded, err := yaml.YAMLToJSON([]byte(content))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ConfigFile, err)
	}
	decoder := json.NewDecoder(bytes.NewReader(encoded))
	decoder.UseNumber() // a large integer is not a float64
	var root map[string]any
	if err := decoder.Decode(&root); err != nil {
		return nil, fmt.Errorf("reading %s: %w", ConfigFile, err)
	}
	s := Settings{}
	return s, s.add("", root)
}

// add takes a section apart.
func (s Settings) add(prefix string, section map[string]any) error {
	for key, value := range section {
		name := prefix + key
		switch v := value.(type) {
		case map[string]any:
			if err := s.add(name+".", v); err != nil {
				return err
			}
		case json.Number:
			s[name] = number(v)
		case string, bool:
			s[name] = v
		default:
			return fmt.Errorf("reading %s: %s is neither a section nor a value", ConfigFile, name)
		}
	}
	return nil
}

func number(n json.Number) any {
	if i, err := n.Int64(); err == nil {
		return i
	}
	f, _ := n.Float64() // what the decoder took for a number is one
	return f
}

// Changes compares what a server runs with (what it was started with, and what was set since) with what it should. It
// gives the server parameters that can be set now, by the name that the command setParameter takes, and the names of
// what waits for a restart, as users know them, sorted. A setting that is no longer wanted waits too: its value goes
// back to the server's own default, which only a start knows.
func Changes(running, wanted Settings) (live map[string]any, restart []string) {
	live = map[string]any{}
	for name, value := range wanted {
		had, set := running[name]
		parameter, isParameter := strings.CutPrefix(name, setParameterPrefix)
		switch {
		case set && reflect.DeepEqual(asNumber(had), asNumber(value)):
		case isParameter && !NeedsRestart(parameter):
			live[parameter] = value
		default:
			restart = append(restart, parameter)
		}
	}
	for name := range maps.Keys(running) {
		if _, still := wanted[name]; !still {
			restart = append(restart, strings.TrimPrefix(name, setParameterPrefix))
		}
	}
	slices.Sort(restart)
	return live, restart
}

// asNumber makes 2 and 2.0 the same: a file does not tell them apart.
func asNumber(value any) any {
	if i, ok := value.(int64); ok {
		return float64(i)
	}
	return value
}
