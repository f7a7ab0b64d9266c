// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command mongod is SIMULATED: a stand-in for MongoDB's server that AtlasDB's tests run where the real one cannot be had.
package main
