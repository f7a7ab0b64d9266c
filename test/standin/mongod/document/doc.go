// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package document compares, selects and changes documents, as far as the tests of AtlasDB ask for it.
//
// It follows "Query and Projection Operators", "Update Operators" and "Comparison/Sort Order" of the MongoDB manual
// (mongodb.com/docs/manual/reference/mql/query-predicates/, .../reference/mql/update/ and
// .../reference/bson-type-comparison-order/). An operator that is not here is refused by name, never ignored: a test
// that believes that it has asked for something must not pass without.
//
// Read match.go, then update.go; compare.go is what both stand on.
package document
