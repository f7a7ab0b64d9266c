// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build race

package databasecluster

// The race detector makes a schedule ten times as slow. What a pure function decides does not depend on it, so `make
// test` tries all of them without it.
const schedules = 6
