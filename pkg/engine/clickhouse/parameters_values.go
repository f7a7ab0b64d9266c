// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// choice allows some words.
func choice(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, value) {
			return nil
		}
		return errors.New("allowed are " + strings.Join(words, ", "))
	}
}

// integer allows whole numbers, least and most included.
func integer(least, most int64) func(string) error {
	return func(value string) error {
		if n, err := strconv.ParseInt(value, 10, 64); err != nil || n < least || n > most {
			return fmt.Errorf("allowed is a whole number from %d to %d", least, most)
		}
		return nil
	}
}

var zoneForm = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$`)

// timeZone allows what looks like a name of the IANA time zone database.
func timeZone(value string) error {
	if zoneForm.MatchString(value) {
		return nil
	}
	return errors.New(`allowed is a name of the IANA time zone database, such as "UTC" or "Europe/Berlin"`)
}

// text allows what a configuration can hold as it is. Where the server reads "${" it puts another setting, which may be
// a password.
func text(value string) error {
	switch {
	case strings.Contains(value, "${"):
		return errors.New(`"${" is not allowed: the server would put another setting in its place`)
	case strings.ContainsAny(value, "\uFFFD\uFFFE\uFFFF"):
		return errors.New("allowed are the characters that XML has")
	}
	return nil
}
