// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package instance says what an instance is called, where its files lie and which addresses it uses: pure derivations
// from a name and an index, so that two instances can never meet and `down` can find everything again from the same
// two values after any crash.
//
// Every instance owns 198.18.16i.0/20 for nodes and pods and 198.19.16i.0/20 for Services. Both lie in 198.18.0.0/15,
// which RFC 2544 sets aside for benchmarks: nobody's real network is ever shadowed, and no router carries it.
//
// Read instance.go, then address.go, path.go and claim.go.
package instance
