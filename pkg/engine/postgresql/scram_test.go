// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strings"
	"testing"
)

// The example of RFC 7677, section 3.
const (
	rfcPassword = "pencil"
	rfcSalt     = "W22ZaJ0SNY7soEsUEjb6gQ=="
	rfcProof    = "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
	rfcServer   = "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="
	rfcMessage  = "n=user,r=rOprNGfwEbeRWgbNEkqO," +
		"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096," +
		"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0"
)

func decode64(t *testing.T, s string) []byte {
	t.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func sign(key []byte, message string) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(message))
	return mac.Sum(nil)
}

// keysOf takes a verifier apart as the server does.
func keysOf(t *testing.T, verifier string) (stored, server []byte) {
	t.Helper()
	parts := strings.Split(verifier, "$")
	if len(parts) != 3 || parts[0] != "SCRAM-SHA-256" {
		t.Fatalf("not a verifier: %q", verifier)
	}
	a, b, _ := strings.Cut(parts[2], ":")
	return decode64(t, a), decode64(t, b)
}

// TestScramVerifier plays the server of the RFC's example, with nothing but the verifier: it must accept the proof of
// that client, and sign as that server does.
func TestScramVerifier(t *testing.T) {
	t.Parallel()
	verifier := ScramVerifier(rfcPassword, decode64(t, rfcSalt))
	if want := "SCRAM-SHA-256$4096:" + rfcSalt + "$"; !strings.HasPrefix(verifier, want) {
		t.Errorf("got %q, want it to begin with %q", verifier, want)
	}
	stored, server := keysOf(t, verifier)
	clientKey := decode64(t, rfcProof)
	for i, b := range sign(stored, rfcMessage) {
		clientKey[i] ^= b
	}
	if got := sha256.Sum256(clientKey); !bytes.Equal(got[:], stored) {
		t.Error("the client of the RFC could not log in")
	}
	if got := sign(server, rfcMessage); !bytes.Equal(got, decode64(t, rfcServer)) {
		t.Error("the client of the RFC would not believe the server")
	}
}

func TestScramVerifierPreparesPasswords(t *testing.T) {
	t.Parallel()
	salt := []byte("0123456789abcdef")
	// RFC 4013, section 3: a soft hyphen is dropped, a Roman nine becomes IX.
	for password, same := range map[string]string{"I\u00adX": "IX", "\u2168": "IX"} {
		if ScramVerifier(password, salt) != ScramVerifier(same, salt) {
			t.Errorf("%q and %q are one password to PostgreSQL's clients", password, same)
		}
	}
	// A bell is prohibited: it is taken as it is, and neither dropped nor refused.
	if ScramVerifier("a\u0007b", salt) == ScramVerifier("ab", salt) {
		t.Error("a prohibited character was dropped")
	}
}

func TestVerifierIsStableAndSalted(t *testing.T) {
	t.Parallel()
	e := Engine{}
	first := e.Verifier("uid-1", "app", "secret")
	if first != e.Verifier("uid-1", "app", "secret") {
		t.Error("the same login gives another verifier, and with it another plan")
	}
	for name, other := range map[string]string{
		"cluster":  e.Verifier("uid-2", "app", "secret"),
		"user":     e.Verifier("uid-1", "other", "secret"),
		"password": e.Verifier("uid-1", "app", "other"),
		"border":   e.Verifier("uid-1a", "pp", "secret"),
	} {
		if first == other {
			t.Errorf("another %s gives the same verifier", name)
		}
	}
	if strings.Contains(first, "secret") {
		t.Error("the verifier holds the password")
	}
}

func BenchmarkVerifier(b *testing.B) {
	for b.Loop() {
		Engine{}.Verifier("uid", "app", "secret")
	}
}
