// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package tlsutil makes and checks the certificates of one database cluster: an authority of its own, a certificate
// that members show to clients and one that they show to each other.
//
// Every cluster has its own authority, so a certificate of one cluster opens nothing in another. The key of the
// authority lies in a Secret that no pod may read. The time and the source of randomness are passed in.
//
// A new authority is trusted before anybody shows what it issued, and an old one until nobody can show what it issued:
// at no moment do two ends of a connection distrust each other.
//
// Read authority.go, then pair.go, then rotation.go for the order in which things are replaced.
package tlsutil
