// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import "strings"

// Suggest tells of the names that one could have been meant for, or else of all, for the end of an error.
func Suggest(name string, all []string) string {
	var near []string
	for _, known := range all {
		lower, given := strings.ToLower(known), strings.ToLower(name)
		if distance(given, lower) <= 3 || (len(name) > 3 && strings.Contains(lower, given)) {
			near = append(near, known)
		}
	}
	if len(near) > 0 {
		return "close to it are " + strings.Join(near, ", ")
	}
	return "allowed are " + strings.Join(all, ", ")
}

// distance is how many letters must be added, dropped or replaced to make one word of another (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		corner := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replaced := corner
			if a[i] != b[j] {
				replaced++
			}
			corner = row[j+1]
			row[j+1] = min(replaced, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
