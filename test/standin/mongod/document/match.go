// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// ErrUnsupported is returned for what MongoDB can do and the stand-in cannot.
var ErrUnsupported = errors.New("the stand-in does not know")

// Match says whether a document is one of those that the filter selects.
func Match(filter, document bson.Raw) (bool, error) {
	elements, err := filter.Elements()
	if err != nil {
		return false, err
	}
	for _, e := range elements {
		ok, err := matchElement(e, document)
		if !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

func matchElement(e bson.RawElement, document bson.Raw) (bool, error) {
	switch key := e.Key(); {
	case key == "$and", key == "$or":
		return matchBranches(key, e.Value(), document)
	case strings.HasPrefix(key, "$"):
		return false, fmt.Errorf("%w the query operator %s", ErrUnsupported, key)
	default:
		return matchField(field(document, key), e.Value())
	}
}

func matchBranches(operator string, list bson.RawValue, document bson.Raw) (bool, error) {
	branches, err := list.Array().Values()
	if err != nil {
		return false, err
	}
	for _, branch := range branches {
		ok, err := Match(branch.Document(), document)
		if err != nil || ok == (operator == "$or") {
			return ok, err
		}
	}
	return operator == "$and", nil
}

// field is the value at a path with dots, or the zero value.
func field(document bson.Raw, path string) bson.RawValue {
	return document.Lookup(strings.Split(path, ".")...)
}

// matchField compares a field with a value, or with each of several operators.
func matchField(value, condition bson.RawValue) (bool, error) {
	document, ok := condition.DocumentOK()
	if !ok || !hasOperators(document) {
		return equals(value, condition), nil
	}
	elements, err := document.Elements()
	for _, e := range elements {
		ok, err := apply(e.Key(), value, e.Value())
		if !ok || err != nil {
			return false, err
		}
	}
	return true, err
}

func hasOperators(document bson.Raw) bool {
	first, err := document.IndexErr(0)
	return err == nil && strings.HasPrefix(first.Key(), "$")
}

// equals also holds for an array that has the wanted value as an element.
func equals(value, wanted bson.RawValue) bool {
	if Compare(value, wanted) == 0 {
		return true
	}
	array, ok := value.ArrayOK()
	if !ok {
		return false
	}
	values, _ := array.Values()
	return slices.ContainsFunc(values, func(v bson.RawValue) bool { return Compare(v, wanted) == 0 })
}

func apply(operator string, value, operand bson.RawValue) (bool, error) {
	switch operator {
	case "$eq":
		return equals(value, operand), nil
	case "$ne":
		return !equals(value, operand), nil
	case "$exists":
		return (value.Type != 0) == truth(operand), nil
	case "$in", "$nin":
		list, ok := operand.ArrayOK()
		if !ok {
			return false, fmt.Errorf("%s needs an array", operator)
		}
		values, err := list.Values()
		in := slices.ContainsFunc(values, func(v bson.RawValue) bool { return equals(value, v) })
		return in == (operator == "$in"), err
	default:
		return order(operator, value, operand)
	}
}

// order compares only values of the same kind: no string is less than a number.
func order(operator string, value, operand bson.RawValue) (bool, error) {
	holds := map[string]func(int) bool{
		"$gt":  func(by int) bool { return by > 0 },
		"$gte": func(by int) bool { return by >= 0 },
		"$lt":  func(by int) bool { return by < 0 },
		"$lte": func(by int) bool { return by <= 0 },
	}[operator]
	if holds == nil {
		return false, fmt.Errorf("%w the query operator %s", ErrUnsupported, operator)
	}
	return rank(value.Type) == rank(operand.Type) && holds(Compare(value, operand)), nil
}

func truth(v bson.RawValue) bool {
	if b, ok := v.BooleanOK(); ok {
		return b
	}
	f, ok := v.AsFloat64OK()
	return !ok || f != 0
}

// Sort orders documents by a sort specification such as {n: 1, _id: -1}.
func Sort(documents []bson.Raw, by bson.Raw) error {
	elements, err := by.Elements()
	slices.SortStableFunc(documents, func(a, b bson.Raw) int {
		for _, e := range elements {
			if order := Compare(field(a, e.Key()), field(b, e.Key())); order != 0 {
				direction, _ := e.Value().AsInt64OK()
				return order * int(direction)
			}
		}
		return 0
	})
	return err
}

// Equalities is the document of the fields that a filter asks to have certain values, which an upsert begins with.
func Equalities(filter bson.Raw) (bson.Raw, error) {
	elements, err := filter.Elements()
	if err != nil {
		return nil, err
	}
	seed := bson.D{}
	for _, e := range elements {
		value := e.Value()
		if operators, ok := value.DocumentOK(); ok && hasOperators(operators) {
			if value = operators.Lookup("$eq"); value.Type == 0 {
				continue
			}
		}
		if !strings.HasPrefix(e.Key(), "$") {
			seed = set(seed, strings.Split(e.Key(), "."), value)
		}
	}
	return bson.Marshal(seed)
}
