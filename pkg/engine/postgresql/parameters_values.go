// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// bounds are what AtlasDB checks of a parameter's value, before a member meets it at its next start and stays down.
type bounds struct {
	// unit is the bytes of a number without a unit; 0 for parameters that are mere numbers.
	unit int64
	// least and most are inclusive, in bytes or as numbers.
	least, most int64
}

// blockSize is the unit of parameters that count pages.
const blockSize = 8 * kib

// checkedParameters are the parameters that AtlasDB computes with, or that could stop a member or its replication. The
// server has further rules of its own; the agent tells what it refuses.
var checkedParameters = map[string]bounds{
	"shared_buffers":        {unit: blockSize, least: mib, most: 4 * tib},
	"effective_cache_size":  {unit: blockSize, least: blockSize, most: 8 * tib},
	"work_mem":              {unit: kib, least: 64 * kib, most: tib},
	"maintenance_work_mem":  {unit: kib, least: mib, most: tib},
	"temp_buffers":          {unit: blockSize, least: 100 * blockSize, most: 4 * tib},
	"max_wal_size":          {unit: mib, least: 32 * mib, most: 64 * tib},
	"min_wal_size":          {unit: mib, least: 32 * mib, most: 64 * tib},
	"max_connections":       {least: 20, most: 10000},
	"max_worker_processes":  {least: 8, most: 1024},
	"max_wal_senders":       {least: maxSenders, most: 256},
	"max_replication_slots": {least: maxSenders, most: 256},
}

// memoryUnits are PostgreSQL's, upper and lower case as it wants them.
var memoryUnits = map[string]int64{"B": 1, "kB": kib, "MB": mib, "GB": gib, "TB": tib}

// parseValue reads a number as the server does: digits, perhaps a fraction, perhaps a unit. It gives bytes for memory.
func parseValue(value string, b bounds) (int64, error) {
	value = strings.TrimSpace(value)
	end := strings.IndexFunc(value, func(r rune) bool { return !strings.ContainsRune("0123456789.+-", r) })
	if end < 0 {
		end = len(value)
	}
	number, err := strconv.ParseFloat(value[:end], 64)
	if err != nil {
		return 0, errors.New("not a number")
	}
	scale, err := scaleOf(strings.TrimSpace(value[end:]), b)
	if err != nil {
		return 0, err
	}
	// Compared as a float: a number that is too large for an integer would wrap around.
	if exact := number * float64(scale); exact < float64(b.least) || exact > float64(b.most) {
		return 0, fmt.Errorf("allowed is from %s to %s", b.format(b.least), b.format(b.most))
	}
	return int64(number * float64(scale)), nil
}

// scaleOf is by what a number in a unit is multiplied.
func scaleOf(unit string, b bounds) (int64, error) {
	switch {
	case unit == "" && b.unit == 0:
		return 1, nil
	case unit == "":
		return b.unit, nil
	case b.unit == 0:
		return 0, errors.New("it is a number without a unit")
	}
	scale, ok := memoryUnits[unit]
	if !ok {
		return 0, fmt.Errorf("%q is no unit of memory; the units are B, kB, MB, GB and TB", unit)
	}
	return scale, nil
}

// format writes a bound for people.
func (b bounds) format(n int64) string {
	switch {
	case b.unit == 0:
		return strconv.FormatInt(n, 10)
	case n >= gib:
		return strconv.FormatInt(n/gib, 10) + "GB"
	case n >= mib:
		return strconv.FormatInt(n/mib, 10) + "MB"
	}
	return strconv.FormatInt(n/kib, 10) + "kB"
}
