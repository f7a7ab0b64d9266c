// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package tlsutil

import (
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"testing"
	"time"
)

var (
	now   = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	names = []string{"*.orders-db.shop.svc", "orders-rw.shop.svc", "localhost"}
)

func newAuthority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority("orders", now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newServer(t *testing.T, a *Authority) Pair {
	t.Helper()
	p, err := a.IssueServer("orders", names, now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestVerify(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	server, other := newServer(t, a), newServer(t, a)
	good := Expectation{
		CA: a.CertPEM, CommonName: "orders", Usage: x509.ExtKeyUsageServerAuth, Now: now,
		DNSNames: []string{"orders-db-0.orders-db.shop.svc", "*.orders-db.shop.svc", "orders-rw.shop.svc"},
	}
	cases := map[string]struct {
		pair   Pair
		change func(*Expectation)
		good   bool
	}{
		"as issued":               {server, func(*Expectation) {}, true},
		"any subject":             {server, func(e *Expectation) { e.CommonName = "" }, true},
		"the last minute":         {server, func(e *Expectation) { e.Now = now.Add(leafValidity - time.Minute) }, true},
		"a clock behind":          {server, func(e *Expectation) { e.Now = now.Add(-time.Minute) }, true},
		"expired":                 {server, func(e *Expectation) { e.Now = now.Add(leafValidity + time.Minute) }, false},
		"not yet valid":           {server, func(e *Expectation) { e.Now = now.Add(-time.Hour) }, false},
		"another authority":       {server, func(e *Expectation) { e.CA = stranger.CertPEM }, false},
		"no authority":            {server, func(e *Expectation) { e.CA = []byte("nonsense") }, false},
		"another subject":         {server, func(e *Expectation) { e.CommonName = "invoices" }, false},
		"a name that is missing":  {server, func(e *Expectation) { e.DNSNames = []string{"orders-rw.bank.svc"} }, false},
		"two labels for one star": {server, func(e *Expectation) { e.DNSNames = []string{"a.b.orders-db.shop.svc"} }, false},
		"as a client":             {server, func(e *Expectation) { e.Usage = x509.ExtKeyUsageClientAuth }, false},
		"the key of another":      {Pair{server.CertPEM, other.KeyPEM}, func(*Expectation) {}, false},
		"no certificate":          {Pair{nil, server.KeyPEM}, func(*Expectation) {}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			want := good
			tc.change(&want)
			if err := tc.pair.Verify(want); (err == nil) != tc.good {
				t.Errorf("good %v, got error %v", tc.good, err)
			}
		})
	}
}

func TestParseAuthority(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	again, err := ParseAuthority(a.CertPEM, a.KeyPEM, now)
	if err != nil {
		t.Fatal(err)
	}
	server := newServer(t, again)
	if err := server.Verify(Expectation{CA: a.CertPEM, Usage: x509.ExtKeyUsageServerAuth, Now: now}); err != nil {
		t.Errorf("an authority that was read again does not issue: %v", err)
	}
	if _, err := ParseAuthority(server.CertPEM, server.KeyPEM, now); err == nil {
		t.Error("a server's certificate was taken for an authority")
	}
	if _, err := ParseAuthority(a.CertPEM, a.KeyPEM, now.Add(-time.Hour)); err == nil {
		t.Error("an authority was read that is not valid yet")
	}
	if _, err := ParseAuthority(a.CertPEM, a.KeyPEM, now.Add(2*authorityValidity)); err != nil {
		t.Errorf("an authority that has expired cannot tell when to replace it: %v", err)
	}
	if life := a.cert.NotAfter.Sub(now); life != authorityValidity {
		t.Errorf("the authority lives for %s, want %s", life, authorityValidity)
	}
	if leaf, _, err := server.parse(); err != nil || leaf.Subject.CommonName == leaf.Issuer.CommonName {
		t.Errorf("%v: OpenSSL takes a certificate that bears its issuer's name for self-signed", err)
	}
	if !a.cert.IsCA || !a.cert.MaxPathLenZero {
		t.Error("the authority must issue certificates, and no further authorities")
	}
}

// TestHandshake is how members use the certificates: the server shows one, and takes only clients of its authority.
func TestHandshake(t *testing.T) {
	t.Parallel()
	a, stranger := newAuthority(t), newAuthority(t)
	server := newServer(t, a)
	client, err := a.IssueClient("atlasdb_replication", now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	intruder, err := stranger.IssueClient("atlasdb_replication", now, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		client Pair
		host   string
		good   bool
	}{
		"a member":             {client, "orders-db-2.orders-db.shop.svc", true},
		"another host":         {client, "orders-db-2.orders-db.bank.svc", false},
		"a foreign client":     {intruder, "orders-db-2.orders-db.shop.svc", false},
		"a server as a client": {server, "orders-db-2.orders-db.shop.svc", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject, err := handshake(t, a, server, tc.client, tc.host)
			if (err == nil) != tc.good {
				t.Errorf("good %v, got error %v", tc.good, err)
			}
			if tc.good && subject != "atlasdb_replication" {
				t.Errorf("the server saw %q", subject)
			}
		})
	}
}

// handshake gives the subject of the client as the server sees it.
func handshake(t *testing.T, a *Authority, server, client Pair, host string) (string, error) {
	t.Helper()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.CertPEM)
	config := func(p Pair) *tls.Config {
		pair, err := tls.X509KeyPair(p.CertPEM, p.KeyPEM)
		if err != nil {
			t.Fatal(err)
		}
		return &tls.Config{
			Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, Time: func() time.Time { return now },
			RootCAs: roots, ServerName: host, ClientCAs: roots, ClientAuth: tls.RequireAndVerifyClientCert,
		}
	}
	left, right := net.Pipe()
	served := tls.Server(left, config(server))
	result := make(chan error, 1)
	go func() {
		err := served.Handshake()
		_ = served.Close() // tells the client, which waits for it, that the server is content
		result <- err
	}()
	called := tls.Client(right, config(client))
	// In TLS 1.3 a client is done before the server has looked at its certificate: the verdict comes with the first read.
	_, err := called.Read(make([]byte, 1))
	_ = right.Close()
	if serverErr := <-result; serverErr != nil || !errors.Is(err, io.EOF) {
		return "", errors.Join(serverErr, err)
	}
	return served.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}
