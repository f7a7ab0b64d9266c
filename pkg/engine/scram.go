// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package engine

import (
	"fmt"

	"github.com/xdg-go/scram"
)

// ScramSHA256 gives what a server that knows SCRAM-SHA-256 stores of a password (RFC 5802, RFC 7677): it can check a
// login by the two keys, and nobody can log in with them. The password is prepared as clients do it, with SASLprep; one
// that this refuses is taken as it is, as clients do that prepare none, or it would not log in.
func ScramSHA256(password string, salt []byte, iterations int) (storedKey, serverKey []byte) {
	client, err := scram.SHA256.NewClient("", password, "") // the user's name is no part of the keys
	if err != nil {
		client, err = scram.SHA256.NewClientUnprepped("", password, "")
	}
	if err != nil {
		panic(fmt.Sprintf("a SCRAM client without preparation cannot fail, yet it did: %v", err))
	}
	keys, err := client.GetStoredCredentialsWithError(scram.KeyFactors{Salt: string(salt), Iters: iterations})
	if err != nil {
		panic(fmt.Sprintf("the iterations are a constant and good, yet they were refused: %v", err))
	}
	return keys.StoredKey, keys.ServerKey
}
