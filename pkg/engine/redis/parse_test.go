// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"fmt"
	"strconv"
	"strings"
)

// readConfig reads a configuration as the server does (loadServerConfigFromString in src/config.c), and not as
// RenderConfig wrote it. It is here to prove what that writes.
func readConfig(content string) (map[string][]string, error) {
	read := map[string][]string{}
	for number, line := range strings.Split(content, "\n") {
		line = strings.Trim(line, " \t\r\n")
		if line == "" || line[0] == '#' {
			continue
		}
		words, ok := splitArguments(line)
		if !ok || len(words) < 2 {
			return nil, fmt.Errorf("line %d: unbalanced quotes or too few words: %q", number+1, line)
		}
		name := strings.ToLower(words[0])
		if _, again := read[name]; again {
			return nil, fmt.Errorf("line %d: %s for the second time", number+1, name)
		}
		read[name] = words[1:]
	}
	return read, nil
}

// splitArguments is sdssplitargs of src/sds.c, but for words in single quotes, which AtlasDB never writes.
func splitArguments(line string) (words []string, ok bool) {
	for {
		line = strings.TrimLeft(line, " \t\r\n\v\f")
		if line == "" {
			return words, true
		}
		word, rest, ok := splitWord(line)
		if !ok {
			return nil, false
		}
		words, line = append(words, word), rest
	}
}

func splitWord(line string) (word, rest string, ok bool) {
	if line[0] != '"' {
		end := strings.IndexAny(line+" ", " \t\r\n")
		return line[:end], line[end:], !strings.ContainsAny(line[:end], `"'`)
	}
	var b strings.Builder
	for i := 1; i < len(line); i++ {
		switch {
		case line[i] == '"': // a closing quote is followed by a space or by nothing
			return b.String(), line[i+1:], i+1 == len(line) || strings.ContainsAny(line[i+1:i+2], " \t\r\n")
		case line[i] == '\\' && i+3 < len(line) && line[i+1] == 'x' && isHex(line[i+2:i+4]):
			n, _ := strconv.ParseUint(line[i+2:i+4], 16, 8)
			b.WriteByte(byte(n))
			i += 3
		case line[i] == '\\' && i+1 < len(line):
			i++
			b.WriteByte(escapedLetter(line[i]))
		default:
			b.WriteByte(line[i])
		}
	}
	return "", "", false
}

func isHex(digits string) bool {
	_, err := strconv.ParseUint(digits, 16, 8)
	return err == nil
}

func escapedLetter(c byte) byte {
	if i := strings.IndexByte("nrtba", c); i >= 0 {
		return "\n\r\t\b\a"[i]
	}
	return c
}
