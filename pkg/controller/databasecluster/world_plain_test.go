// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build !race

package databasecluster

// schedules is how many are tried; a failure prints its seed.
const schedules = 24
