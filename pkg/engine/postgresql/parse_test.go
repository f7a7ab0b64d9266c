// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"fmt"
	"regexp"
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

// deescapeQuotedString is DeescapeQuotedString of guc-file.l.
func deescapeQuotedString(s string) string {
	var b strings.Builder
	s = s[1 : len(s)-1]
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
			switch s[i] {
			case 'b':
				b.WriteByte('\b')
			case 'f':
				b.WriteByte('\f')
			case 'n':
				b.WriteByte('\n')
			case 'r':
				b.WriteByte('\r')
			case 't':
				b.WriteByte('\t')
			case '0', '1', '2', '3', '4', '5', '6', '7':
				octal := 0
				digits := 0
				for ; digits < 3 && i+digits < len(s) && s[i+digits] >= '0' && s[i+digits] <= '7'; digits++ {
					octal = octal<<3 + int(s[i+digits]-'0')
				}
				i += digits - 1
				b.WriteByte(byte(octal))
			default:
				b.WriteByte(s[i])
			}
		case s[i] == '\'':
			i++ // a doubled quote is one
			b.WriteByte('\'')
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}
