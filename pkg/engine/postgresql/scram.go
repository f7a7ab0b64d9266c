// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"encoding/base64"
	"fmt"

	"github.com/xdg-go/scram"
)

const (
	// scramIterations is PostgreSQL's own number. More would slow down every login, and AtlasDB's passwords are random:
	// guessing them is hopeless at any number.
	scramIterations = 4096
	// scramSaltBytes is the length of the salts that PostgreSQL makes.
	scramSaltBytes = 16
)

// ScramVerifier gives what PostgreSQL stores for a password (column rolpassword of pg_authid):
// SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>. The server can check a login by it, and nobody can log in
// with it. The format is that of build_scram_secret in PostgreSQL's src/common/scram-common.c.
func ScramVerifier(password string, salt []byte) string {
	// The user's name is no part of a verifier.
	client, err := scram.SHA256.NewClient("", password, "")
	if err != nil {
		// PostgreSQL and its clients take a password that SASLprep refuses as it is; so must we, or it would not log in.
		client, err = scram.SHA256.NewClientUnprepped("", password, "")
	}
	if err != nil {
		panic(fmt.Sprintf("a SCRAM client without preparation cannot fail, yet it did: %v", err))
	}
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: scramIterations})
	if err != nil {
		panic(fmt.Sprintf("the iterations are a constant and good, yet they were refused: %v", err))
	}
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		scramIterations, encode(salt), encode(keys.StoredKey), encode(keys.ServerKey))
}
