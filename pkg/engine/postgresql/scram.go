// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"encoding/base64"
	"fmt"

	"github.com/atlasdb/atlasdb/pkg/engine"
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
	storedKey, serverKey := engine.ScramSHA256(password, salt, scramIterations)
	encode := base64.StdEncoding.EncodeToString
	return fmt.Sprintf("SCRAM-SHA-256$%d:%s$%s:%s",
		scramIterations, encode(salt), encode(storedKey), encode(serverKey))
}
