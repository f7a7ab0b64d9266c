// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/xdg-go/scram"

	"github.com/atlasdb/atlasdb/pkg/engine"
)

// TestVerifierLetsTheUserIn plays both sides of a login (RFC 5802): a server that has nothing but the verifier, and a
// client that has the password.
func TestVerifierLetsTheUserIn(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"SECRET7", "päß word", "Ⅳ"} { // SASLprep makes IV of the last one
		if !letsIn(t, Engine{}.Verifier("uid", "app", password), password) {
			t.Errorf("%q is not let in", password)
		}
		if letsIn(t, Engine{}.Verifier("uid", "app", password), password+"x") {
			t.Errorf("another password than %q is let in", password)
		}
	}
}

func letsIn(t *testing.T, verifier, password string) bool {
	t.Helper()
	c, err := ParseCredential(verifier)
	if err != nil {
		t.Fatal(err)
	}
	server, err := scram.SHA256.NewServer(func(string) (scram.StoredCredentials, error) {
		return scram.StoredCredentials{
			KeyFactors: scram.KeyFactors{Salt: string(decode(t, c.Salt)), Iters: c.IterationCount},
			StoredKey:  decode(t, c.StoredKey), ServerKey: decode(t, c.ServerKey),
		}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := scram.SHA256.NewClient("app", password, "")
	if err != nil {
		t.Fatal(err)
	}
	one, other, said := client.NewConversation(), server.NewConversation(), ""
	for !one.Done() {
		said, err = one.Step(said)
		if err != nil {
			return false
		}
		if said, err = other.Step(said); err != nil {
			return false
		}
		if other.Done() && one.Done() {
			break
		}
		if other.Done() {
			_, err = one.Step(said)
			return err == nil && one.Valid() && other.Valid()
		}
	}
	return one.Valid() && other.Valid()
}

func decode(t *testing.T, text string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestVerifier(t *testing.T) {
	t.Parallel()
	verifier := Engine{}.Verifier("uid", "app", "secret")
	if verifier != (Engine{}.Verifier("uid", "app", "secret")) {
		t.Error("the same login has two verifiers, and each would change the plan")
	}
	for what, other := range map[string]string{
		"cluster": Engine{}.Verifier("uid2", "app", "secret"), "user": Engine{}.Verifier("uid", "ap", "psecret"),
	} {
		if other == verifier {
			t.Errorf("another %s has the same verifier", what)
		}
	}
	c, err := ParseCredential(verifier)
	if err != nil || len(decode(t, c.Salt)) != 28 || c.IterationCount != 15000 || strings.Contains(verifier, "secret") {
		t.Errorf("%v, %v", verifier, err)
	}
	// A password that SASLprep refuses (a character that Unicode has not assigned) is no reason to die.
	if v := (Engine{}).Verifier("uid", "app", "\U000e0fff"); v == "" {
		t.Error("no verifier")
	}
}

func TestUserDocument(t *testing.T) {
	t.Parallel()
	c := CredentialOf("secret", []byte("salt"))
	got, err := UserDocumentOf(engine.PlanUser{Name: "app", Verifier: c.String()})
	want := UserDocument{
		ID: "admin.app", User: "app", Database: "admin", Credentials: map[string]Credential{"SCRAM-SHA-256": c},
		Roles: []Role{{"readWrite", "app"}, {"dbAdmin", "app"}},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, d)
	}
	if _, err := UserDocumentOf(engine.PlanUser{Name: "app", Verifier: "{"}); err == nil {
		t.Error("a broken verifier was read")
	}
}

// TestKeyFile: whatever members share, the file holds what the server takes.
func TestKeyFile(t *testing.T) {
	t.Parallel()
	key := KeyFile("a-b_c\n")
	if len(key) < 6 || len(key) > 1024 || strings.Trim(key, "0123456789abcdef") != "" || key == KeyFile("a-b_c") {
		t.Errorf("%q", key)
	}
}
