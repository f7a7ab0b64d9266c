// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// The lexer of PostgreSQL's configuration files, src/backend/utils/misc/guc-file.l, with its own names.
var (
	lexLine = regexp.MustCompile(
		`^[ \t\r]*(?P<id>` + lexID + `(?:\.` + lexID + `)?)(?:[ \t\r]*=[ \t\r]*|[ \t\r]+)` +
			`(?P<value>` + lexString + `|[^ \t\r\n'#=]+)[ \t\r]*(?:#[^\n]*)?$`)
	lexBlank = regexp.MustCompile(`^[ \t\r]*(?:#.*)?$`)
)

const (
	lexID     = `[A-Za-z_\x{80}-\x{10ffff}][A-Za-z_0-9$\x{80}-\x{10ffff}]*`
	lexString = `'(?:[^'\\]|\\.|'')*'`
)

// parseConfig reads a configuration as the server does. It is here to prove what RenderConfig writes; nothing else
// reads a configuration back.
func parseConfig(content string) (map[string]string, error) {
	parameters := map[string]string{}
	for number, line := range strings.Split(content, "\n") {
		if lexBlank.MatchString(line) {
			continue
		}
		found := lexLine.FindStringSubmatch(line)
		if found == nil {
			return nil, fmt.Errorf("line %d: syntax error: %q", number+1, line)
		}
		name, value := strings.ToLower(found[1]), found[2]
		if _, again := parameters[name]; again {
			return nil, fmt.Errorf("line %d: %s for the second time", number+1, name)
		}
		if strings.HasPrefix(value, "'") {
			value = deescapeQuotedString(value)
		}
		parameters[name] = value
	}
	return parameters, nil
}

// lexEscape is one thing in a quoted string that does not stand for itself.
var lexEscape = regexp.MustCompile(`''|\\[0-7]{1,3}|(?s:\\.)`)

// deescapeQuotedString is DeescapeQuotedString of guc-file.l.
func deescapeQuotedString(s string) string {
	return lexEscape.ReplaceAllStringFunc(s[1:len(s)-1], func(escape string) string {
		if letter, ok := lexLetters[escape]; ok {
			return letter
		}
		if octal, err := strconv.ParseUint(escape[1:], 8, 16); err == nil {
			return string([]byte{byte(octal)})
		}
		return escape[1:] // a doubled quote, or a character that needed no backslash
	})
}

var lexLetters = map[string]string{`\b`: "\b", `\f`: "\f", `\n`: "\n", `\r`: "\r", `\t`: "\t"}
