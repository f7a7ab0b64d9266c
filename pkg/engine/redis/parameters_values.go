// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// choice allows some words.
func choice(words ...string) func(string) error {
	return func(value string) error {
		if slices.Contains(words, strings.ToLower(value)) {
			return nil
		}
		return errors.New("allowed are " + strings.Join(words, ", "))
	}
}

// letters allows a text of some letters, each a flag.
func letters(allowed string) func(string) error {
	return func(value string) error {
		if strings.Trim(value, allowed) == "" {
			return nil
		}
		return errors.New("allowed are the letters " + allowed)
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

// memory allows a number of bytes, or of a unit, least and most included.
func memory(least, most int64) func(string) error {
	return func(value string) error {
		if n, err := parseMemory(value); err != nil || n < least || n > most {
			return fmt.Errorf("allowed is from %s to %s; %s", sizeOf(least), sizeOf(most), memoryForm)
		}
		return nil
	}
}

// memoryOrShare allows a share of maxmemory too.
func memoryOrShare(value string) error {
	if share, isShare := strings.CutSuffix(value, "%"); isShare {
		if integer(0, 100)(share) == nil {
			return nil
		}
		return errors.New("allowed is a share from 0% to 100%")
	}
	return memory(0, 64*tib)(value)
}

// outputLimit allows limits for clients: a class, a hard limit, a soft limit and its seconds, once or twice.
func outputLimit(value string) error {
	const form = `allowed are "normal" and "pubsub", each with a hard limit, a soft limit and seconds, ` +
		`for instance "pubsub 64mb 16mb 60"; AtlasDB computes those of replicas`
	words := strings.Fields(value)
	if len(words) == 0 || len(words)%4 != 0 {
		return errors.New(form)
	}
	for limit := range slices.Chunk(words, 4) {
		if choice("normal", "pubsub")(limit[0]) != nil || memory(0, tib)(limit[1]) != nil ||
			memory(0, tib)(limit[2]) != nil || count(limit[3]) != nil {
			return errors.New(form)
		}
	}
	return nil
}

// memoryForm says how memory is written.
const memoryForm = "a number of bytes, or one with a unit: k, kb, m, mb, g or gb"

// memoryUnits are the server's, which knows k from kb. They are told in any case.
var memoryUnits = map[string]int64{
	"": 1, "b": 1, "k": 1000, "kb": kib, "m": 1000 * 1000, "mb": mib, "g": 1000 * 1000 * 1000, "gb": gib,
}

// parseMemory reads a number as the server does (memtoull in src/util.c): digits, and perhaps a unit.
func parseMemory(value string) (int64, error) {
	digits := strings.TrimRight(strings.ToLower(value), "bkmg")
	number, err := strconv.ParseInt(digits, 10, 64)
	unit, known := memoryUnits[strings.ToLower(value)[len(digits):]]
	if err != nil || !known || number < 0 || number > math.MaxInt64/unit {
		return 0, errors.New(memoryForm)
	}
	return number * unit, nil
}

// sizeOf writes bytes for people, in the largest unit that has no fraction.
func sizeOf(bytes int64) string {
	for _, unit := range []string{"gb", "mb", "kb"} {
		if scale := memoryUnits[unit]; bytes >= scale && bytes%scale == 0 {
			return strconv.FormatInt(bytes/scale, 10) + unit
		}
	}
	return strconv.FormatInt(bytes, 10)
}
