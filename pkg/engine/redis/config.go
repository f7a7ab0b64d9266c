// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// fileHeader begins every file, for people who find it in a container.
const fileHeader = "# Written by AtlasDB from the DatabaseCluster: change its spec, a change made here is lost.\n"

// severalArguments are the directives whose value is several words, each an argument of its own. The value of any other
// is one argument, whatever it holds.
var severalArguments = []string{"bind", "client-output-buffer-limit", "replicaof", "save"}

// Configure renders the file that all members share.
func (Engine) Configure(spec *v1alpha1.DatabaseClusterSpec, _ string) map[string]string {
	return map[string]string{ConfigFile: RenderConfig(parametersOf(spec))}
}

// MemberConf renders the file of one member: the shared file at a path, and then what that member has of its own.
func MemberConf(shared string, settings map[string]string) string {
	return fileHeader + directive("include", []string{shared}) + lines(settings)
}

// RenderConfig writes settings in the syntax of redis.conf, sorted by name, every argument quoted. The server reads
// back exactly the values that came in, whatever they hold, except NUL.
func RenderConfig(settings map[string]string) string { return fileHeader + lines(settings) }

func lines(settings map[string]string) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		b.WriteString(directive(name, argumentsOf(name, settings[name])))
	}
	return b.String()
}

// argumentsOf takes a value, as CONFIG SET takes it, apart into the arguments of its line.
func argumentsOf(name, value string) []string {
	if words := strings.Fields(value); len(words) > 0 && slices.Contains(severalArguments, name) {
		return words
	}
	return []string{value}
}

func directive(name string, arguments []string) string {
	var b strings.Builder
	b.WriteString(name)
	for _, argument := range arguments {
		b.WriteString(` "`)
		writeEscaped(&b, argument)
		b.WriteString(`"`)
	}
	b.WriteString("\n")
	return b.String()
}

// writeEscaped writes a value as it stands between double quotes. The server undoes the escapes (sdssplitargs in
// src/sds.c); a control character, above all a line feed, would end the line and begin another directive.
func writeEscaped(b *strings.Builder, value string) {
	for i := range len(value) { // by byte: the server's escapes know nothing of characters
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c == 0x7f:
			fmt.Fprintf(b, `\x%02x`, c)
		default:
			b.WriteByte(c)
		}
	}
}

// ParseConfig reads back what RenderConfig wrote: the values are as CONFIG SET takes them. It knows no other way to
// write a configuration than that one.
func ParseConfig(content string) (map[string]string, error) {
	settings := map[string]string{}
	for line := range strings.Lines(content) {
		line = strings.TrimSuffix(line, "\n")
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		name, rest, _ := strings.Cut(line, " ")
		arguments, err := splitQuoted(rest)
		if err != nil {
			return nil, fmt.Errorf("reading the setting %s: %w", name, err)
		}
		settings[name] = strings.Join(arguments, " ")
	}
	return settings, nil
}

// splitQuoted reads arguments in double quotes.
func splitQuoted(rest string) (arguments []string, err error) {
	for rest != "" {
		end := closingQuote(rest)
		if end < 0 {
			return nil, errors.New("an argument is not in quotes")
		}
		arguments = append(arguments, unescape(rest[1:end]))
		rest = strings.TrimPrefix(rest[end+1:], " ")
	}
	return arguments, nil
}

// closingQuote is where the quoted text ends with which a line begins; -1 when it begins with none.
func closingQuote(line string) int {
	if line[0] != '"' {
		return -1
	}
	for i := 1; i < len(line); i++ {
		switch line[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return -1
}

// unescape undoes writeEscaped.
func unescape(quoted string) string {
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		c := quoted[i]
		if c == '\\' && i+1 < len(quoted) {
			i++
			c = quoted[i]
			if digits := quoted[i+1:]; c == 'x' && len(digits) >= 2 {
				if _, err := fmt.Sscanf(digits[:2], "%02x", &c); err == nil {
					i += 2
				}
			}
		}
		b.WriteByte(c)
	}
	return b.String()
}
