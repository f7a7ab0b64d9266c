// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/base64"
	"encoding/json"
	"fmt"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

const (
	// scramIterations is MongoDB's own number (scramSHA256IterationCount). More would slow down every login, and AtlasDB's
	// passwords are random: guessing them is hopeless at any number.
	scramIterations = 15000
	// scramSaltBytes is the length of the salts that MongoDB makes: the hash's less the four bytes of a block's number.
	scramSaltBytes = 28
	// Mechanism is the one way of logging in that users have.
	Mechanism = "SCRAM-SHA-256"
)

// Credential is how the server knows a password without being told it: credentials["SCRAM-SHA-256"] of a document in
// admin.system.users. The keys are base64.
type Credential struct {
	IterationCount int    `bson:"iterationCount" json:"iterationCount"`
	Salt           string `bson:"salt" json:"salt"`
	StoredKey      string `bson:"storedKey" json:"storedKey"`
	ServerKey      string `bson:"serverKey" json:"serverKey"`
}

// CredentialOf computes the credential of a password.
func CredentialOf(password string, salt []byte) Credential {
	storedKey, serverKey := engine.ScramSHA256(password, salt, scramIterations)
	encode := base64.StdEncoding.EncodeToString
	return Credential{
		IterationCount: scramIterations, Salt: encode(salt),
		StoredKey: encode(storedKey), ServerKey: encode(serverKey),
	}
}

// String gives the credential as JSON; equal credentials have equal bytes.
func (c Credential) String() string {
	encoded, err := json.Marshal(c)
	if err != nil {
		panic("plain data, yet encoding it failed: " + err.Error())
	}
	return string(encoded)
}

// ParseCredential reads a verifier of the plan.
func ParseCredential(verifier string) (c Credential, err error) {
	if err := json.Unmarshal([]byte(verifier), &c); err != nil {
		return Credential{}, fmt.Errorf("reading a login's verifier: %w", err)
	}
	return c, nil
}

// UserDocument is a document of admin.system.users, but for the field userId, a UUID that a login gets once and keeps.
// The commands that make users (createUser, updateUser) take a password and no verifier; so the primary's agent writes
// the document itself, and no password leaves the operator.
type UserDocument struct {
	ID          string                `bson:"_id"`
	User        string                `bson:"user"`
	Database    string                `bson:"db"`
	Credentials map[string]Credential `bson:"credentials"`
	Roles       []Role                `bson:"roles"`
}

// Role is a role of a user, in a database.
type Role struct {
	Role     string `bson:"role"`
	Database string `bson:"db"`
}

// UserDocumentOf gives the document of a login. It may read, write and administer what is in Database, and do nothing
// with the server (https://www.mongodb.com/docs/manual/reference/built-in-roles/).
func UserDocumentOf(u engine.PlanUser) (UserDocument, error) {
	credential, err := ParseCredential(u.Verifier)
	if err != nil {
		return UserDocument{}, fmt.Errorf("user %s: %w", u.Name, err)
	}
	return UserDocument{
		ID: AuthDatabase + "." + u.Name, User: u.Name, Database: AuthDatabase,
		Credentials: map[string]Credential{Mechanism: credential},
		Roles:       []Role{{Role: "readWrite", Database: Database}, {Role: "dbAdmin", Database: Database}},
	}, nil
}
