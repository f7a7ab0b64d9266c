// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package mongodb is the pure half of AtlasDB's MongoDB.
package mongodb
