// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package document

import (
	"bytes"
	"cmp"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// rank is a type's place in the order of types; types of the same rank are compared by value.
func rank(t bson.Type) int {
	switch t {
	case bson.TypeMinKey:
		return 0
	case 0, bson.TypeUndefined, bson.TypeNull:
		return 1
	case bson.TypeInt32, bson.TypeInt64, bson.TypeDouble, bson.TypeDecimal128:
		return 2
	case bson.TypeString, bson.TypeSymbol:
		return 3
	case bson.TypeEmbeddedDocument:
		return 4
	case bson.TypeArray:
		return 5
	case bson.TypeMaxKey:
		return 1000
	default:
		return 100 + int(t)
	}
}

// Compare orders two values. A field that is not there is the zero value and equal to null.
func Compare(a, b bson.RawValue) int {
	if by := cmp.Compare(rank(a.Type), rank(b.Type)); by != 0 {
		return by
	}
	switch rank(a.Type) {
	case 1:
		return 0
	case 2:
		return compareNumbers(a, b)
	case 3:
		return cmp.Compare(text(a), text(b))
	}
	switch a.Type { //nolint:exhaustive // the others are equal or not, and have no order that a test asks for
	case bson.TypeDateTime:
		return cmp.Compare(a.DateTime(), b.DateTime())
	case bson.TypeTimestamp:
		at, ai := a.Timestamp()
		bt, bi := b.Timestamp()
		return cmp.Or(cmp.Compare(at, bt), cmp.Compare(ai, bi))
	}
	return bytes.Compare(a.Value, b.Value)
}

func compareNumbers(a, b bson.RawValue) int {
	ai, aWhole := a.AsInt64OK()
	bi, bWhole := b.AsInt64OK()
	if aWhole && bWhole && a.Type != bson.TypeDouble && b.Type != bson.TypeDouble {
		return cmp.Compare(ai, bi)
	}
	af, _ := a.AsFloat64OK()
	bf, _ := b.AsFloat64OK()
	return cmp.Compare(af, bf)
}

func text(v bson.RawValue) string {
	s, _ := v.StringValueOK()
	return s
}

// Key is the same for equal values and for no others: numbers are equal whatever their type.
func Key(v bson.RawValue) string {
	if rank(v.Type) == 2 {
		f, _ := v.AsFloat64OK()
		if i, ok := v.AsInt64OK(); ok && float64(i) == f {
			return fmt.Sprintf("number %d", i)
		}
		return fmt.Sprintf("number %v", f)
	}
	return string(rune(v.Type)) + string(v.Value)
}

// Value makes a value that compares and encodes as v does.
func Value(v any) (bson.RawValue, error) {
	kind, value, err := bson.MarshalValue(v)
	return bson.RawValue{Type: kind, Value: value}, err
}
