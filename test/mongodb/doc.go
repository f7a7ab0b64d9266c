// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package mongodb holds what AtlasDB says to a MongoDB against programs that AtlasDB's authors did not write.
//
// No server of MongoDB's vendor can be had where these tests run, so none of them proves anything of mongod. They prove
// what others understand:
//
//   - TestFerretDB…: FerretDB v1.24, a server of the same protocol by other authors, with the vendor's driver as
//     client. It has the logins as mongod has them, so that a verifier that the operator made opens a session there,
//     by a document that the agent wrote (pkg/agent/mongodb). It has no replica sets.
//   - TestMongosh…: mongosh, the vendor's shell, speaks to FerretDB, and to the stand-in of test/standin/mongod, where
//     the name of the test says "Simulated".
//
// "make mongodb-ferretdb" fetches and builds these programs once and runs the tests; it is no part of CI. Read
// server.go first.
package mongodb
