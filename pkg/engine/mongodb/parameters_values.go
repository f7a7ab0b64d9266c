// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// choice allows some words.
func choice(words ...string) func(string) (any, error) {
	return func(value string) (any, error) {
		if slices.Contains(words, value) {
			return value, nil
		}
		return nil, errors.New("allowed are " + strings.Join(words, ", "))
	}
}

// boolean allows the two words that YAML and the command setParameter share.
func boolean(value string) (any, error) {
	switch value {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return nil, errors.New("allowed are true and false")
}

// integer allows whole numbers, least and most included.
func integer(least, most int64) func(string) (any, error) {
	return func(value string) (any, error) {
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil || n < least || n > most {
			return nil, fmt.Errorf("allowed is a whole number from %d to %d", least, most)
		}
		return n, nil
	}
}

// decimal allows numbers that may have a fraction, least and most included.
func decimal(least, most float64) func(string) (any, error) {
	return func(value string) (any, error) {
		n, err := strconv.ParseFloat(value, 64)
		if err != nil || math.IsNaN(n) || n < least || n > most {
			return nil, fmt.Errorf("allowed is a number from %v to %v", least, most)
		}
		return n, nil
	}
}
