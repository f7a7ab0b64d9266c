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

// ErrImmutable is returned for a change of a document's _id.
var ErrImmutable = errors.New("performing an update on the path '_id' would modify the immutable field '_id'")

// Update is document as the update makes it: a whole replacement, or operators. Inserting says that the document is one
// that an upsert makes.
func Update(document, update bson.Raw, inserting bool) (bson.Raw, error) {
	var before bson.D
	if err := bson.Unmarshal(document, &before); err != nil {
		return nil, err
	}
	after, err := change(before, update, inserting)
	if err != nil {
		return nil, err
	}
	changed, err := bson.Marshal(after)
	if err != nil {
		return nil, err
	}
	was, is := document.Lookup("_id"), bson.Raw(changed).Lookup("_id")
	if was.Type != 0 && Compare(was, is) != 0 {
		return nil, ErrImmutable
	}
	return changed, nil
}

func change(before bson.D, update bson.Raw, inserting bool) (bson.D, error) {
	if !hasOperators(update) {
		return replacement(before, update)
	}
	elements, err := update.Elements()
	if err != nil {
		return nil, err
	}
	after := before
	for _, e := range elements {
		if after, err = operate(after, e, inserting); err != nil {
			return nil, err
		}
	}
	return after, nil
}

// replacement keeps the _id, as the first field.
func replacement(before bson.D, update bson.Raw) (after bson.D, err error) {
	if err := bson.Unmarshal(update, &after); err != nil {
		return nil, err
	}
	named := slices.ContainsFunc(after, func(e bson.E) bool { return e.Key == "_id" })
	at := slices.IndexFunc(before, func(e bson.E) bool { return e.Key == "_id" })
	if named || at < 0 {
		return after, nil
	}
	return append(bson.D{before[at]}, after...), nil
}

func operate(document bson.D, operator bson.RawElement, inserting bool) (bson.D, error) {
	var fields bson.D
	if err := operator.Value().Unmarshal(&fields); err != nil {
		return nil, fmt.Errorf("operand of %s: %w", operator.Key(), err)
	}
	for _, f := range fields {
		path := strings.Split(f.Key, ".")
		switch operator.Key() {
		case "$setOnInsert":
			if inserting {
				document = set(document, path, f.Value)
			}
		case "$set":
			document = set(document, path, f.Value)
		case "$unset":
			document = unset(document, path)
		case "$inc":
			sum, err := add(get(document, path), f.Value)
			if err != nil {
				return nil, fmt.Errorf("$inc of %s: %w", f.Key, err)
			}
			document = set(document, path, sum)
		default:
			return nil, fmt.Errorf("%w the update operator %s", ErrUnsupported, operator.Key())
		}
	}
	return document, nil
}

func index(document bson.D, key string) int {
	return slices.IndexFunc(document, func(e bson.E) bool { return e.Key == key })
}

func get(document bson.D, path []string) any {
	at := index(document, path[0])
	if at < 0 {
		return nil
	}
	if len(path) == 1 {
		return document[at].Value
	}
	below, _ := document[at].Value.(bson.D)
	return get(below, path[1:])
}

// set makes the documents on the way that are not there yet.
func set(document bson.D, path []string, value any) bson.D {
	at := index(document, path[0])
	if at < 0 {
		at, document = len(document), append(document, bson.E{Key: path[0]})
	}
	if len(path) > 1 {
		below, _ := document[at].Value.(bson.D)
		value = set(below, path[1:], value)
	}
	document[at].Value = value
	return document
}

func unset(document bson.D, path []string) bson.D {
	at := index(document, path[0])
	if at < 0 {
		return document
	}
	if len(path) == 1 {
		return slices.Delete(document, at, at+1)
	}
	if below, ok := document[at].Value.(bson.D); ok {
		document[at].Value = unset(below, path[1:])
	}
	return document
}

// add keeps the wider of the two types. What is not there counts as 0.
func add(a, b any) (any, error) {
	if a == nil {
		return b, nil
	}
	left, err := Value(a)
	if err != nil {
		return nil, err
	}
	right, err := Value(b)
	if err != nil {
		return nil, err
	}
	if rank(left.Type) != 2 || rank(right.Type) != 2 {
		return nil, fmt.Errorf("cannot add %s and %s", left.Type, right.Type)
	}
	if left.Type == bson.TypeDouble || right.Type == bson.TypeDouble {
		return left.AsFloat64() + right.AsFloat64(), nil
	}
	sum := left.AsInt64() + right.AsInt64()
	if left.Type == bson.TypeInt32 && right.Type == bson.TypeInt32 && int64(int32(sum)) == sum {
		return int32(sum), nil
	}
	return sum, nil
}
