// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package peer

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

func loopback() *names { return &names{address: "127.0.0.1"} }

func TestQuestionsAndAnswers(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	v := &voter{name: "orders-db-1/u/n"}
	port, _ := serve(t, "127.0.0.1", 0, c, v)
	asking, ctx := client(c, port, loopback()), t.Context()
	state, err := asking.State(ctx, "orders-db-1")
	if want := (election.State{Incarnation: v.name, Epoch: 7, HasData: true, Engine: []byte("e")}); err != nil ||
		!reflect.DeepEqual(state, want) {
		t.Errorf("state %+v, %v", state, err)
	}
	request := election.VoteRequest{Candidate: "orders-db-0/u/n", Epoch: 8}
	vote, err := asking.Vote(ctx, "orders-db-1", request)
	if want := (election.Vote{Granted: true, Epoch: 8, SystemID: "7"}); err != nil || !reflect.DeepEqual(vote, want) {
		t.Errorf("vote %+v, %v", vote, err)
	}
	plea := election.VouchRequest{Holder: "orders-db-0/u/n", Epoch: 8}
	if voucher, err := asking.Vouch(ctx, "orders-db-1", plea); err != nil || !voucher.Yes {
		t.Errorf("voucher %+v, %v", voucher, err)
	}
	farewell := election.Farewell{Incarnation: "orders-db-0/u/n", Epoch: 8}
	if err := asking.Farewell(ctx, "orders-db-1", farewell); err != nil {
		t.Error(err)
	}
	if got, want := v.wasAsked(), []any{"state", request, plea, farewell}; !reflect.DeepEqual(got, want) {
		t.Errorf("was asked %+v, want %+v", got, want)
	}
}

// TestWhoIsRefused: a vote and a farewell are believed, so only members may say them, and only members are believed.
func TestWhoIsRefused(t *testing.T) {
	t.Parallel()
	ours, theirs := authority(t), authority(t)
	good := secret(t, ours, login)
	with := func(change map[string][]byte) map[string][]byte {
		files := maps.Clone(good)
		maps.Copy(files, change)
		return files
	}
	user, foreign := secret(t, ours, "app"), secret(t, theirs, login)
	pair := func(files map[string][]byte, cert, key string) map[string][]byte {
		return map[string][]byte{resource.ClientCertKey: files[cert], resource.ClientKeyKey: files[key]}
	}
	for name, files := range map[string]map[string][]byte{
		"a user of the database":       with(pair(user, resource.ClientCertKey, resource.ClientKeyKey)),
		"a member of another cluster":  with(pair(foreign, resource.ClientCertKey, resource.ClientKeyKey)),
		"a server that plays a client": with(pair(good, resource.ServerCertKey, resource.ServerKeyKey)),
		"one that believes others":     with(map[string][]byte{resource.CACertKey: foreign[resource.CACertKey]}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, c := member(t, good)
			v := &voter{}
			port, _ := serve(t, "127.0.0.1", 0, c, v)
			_, stranger := member(t, files)
			if err := client(stranger, port, loopback()).Farewell(t.Context(), "orders-db-1", election.Farewell{}); err == nil {
				t.Error("was answered")
			}
			if asked := v.wasAsked(); len(asked) > 0 {
				t.Errorf("was asked %v", asked)
			}
		})
	}
}

// TestNobodyWithoutACertificate is let in, nor is one that speaks no TLS.
func TestNobodyWithoutACertificate(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	v := &voter{}
	port, _ := serve(t, "127.0.0.1", 0, c, v)
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	bare := &http.Client{Transport: &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // who is asked does not matter here
	}}
	for _, scheme := range []string{"https", "http"} {
		response, err := bare.Get(scheme + "://" + address + statePath)
		if err != nil {
			continue
		}
		_ = response.Body.Close()
		if response.StatusCode == http.StatusOK {
			t.Errorf("%s without a certificate was answered", scheme)
		}
	}
	if asked := v.wasAsked(); len(asked) > 0 {
		t.Errorf("was asked %v", asked)
	}
}

// TestAnImpostorIsNotBelieved: whoever has taken a member's address has not taken its name.
func TestAnImpostorIsNotBelieved(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, _ := serve(t, "127.0.0.1", 0, c, &voter{})
	asking := client(c, port, loopback())
	asking.SetHosts(map[string]string{"orders-db-2": "orders-db-2.orders-db.shop.svc"})
	if s, err := asking.State(t.Context(), "orders-db-2"); err == nil {
		t.Errorf("%+v was believed of a server with another name", s)
	}
}

// TestRotation: the authority and all certificates are replaced while the members run.
func TestRotation(t *testing.T) {
	t.Parallel()
	before := secret(t, authority(t), login)
	serverFiles, serving := member(t, before)
	clientFiles, mine := member(t, before)
	port, _ := serve(t, "127.0.0.1", 0, serving, &voter{})
	asking := client(mine, port, loopback())
	ask := func() error {
		asking.http.CloseIdleConnections() // a connection that is open stays as it was agreed on
		_, err := asking.State(t.Context(), "orders-db-1")
		return err
	}
	if err := ask(); err != nil {
		t.Fatal(err)
	}
	after := secret(t, authority(t), login)
	half := map[string][]byte{
		resource.CACertKey: after[resource.CACertKey], resource.ServerCertKey: after[resource.ServerCertKey],
		resource.ClientCertKey: after[resource.ClientCertKey],
	}
	for name, content := range map[string]map[string][]byte{
		"half of the new ones":      half,
		"a file that is half there": {resource.ServerKeyKey: after[resource.ServerKeyKey][:40]},
		"no authority":              {resource.CACertKey: nil},
	} {
		mount(t, serverFiles, content)
		mount(t, clientFiles, content)
		if err := ask(); err != nil {
			t.Errorf("%s: %v, want the last good certificates in force", name, err)
		}
	}
	mount(t, serverFiles, after)
	if err := ask(); err == nil {
		t.Error("the server takes a client whose authority was replaced")
	}
	mount(t, clientFiles, after)
	if err := ask(); err != nil {
		t.Errorf("with all that is new: %v", err)
	}
}

// TestWithoutCertificatesNothingIsSaid: not even a dial is worth it.
func TestWithoutCertificatesNothingIsSaid(t *testing.T) {
	t.Parallel()
	_, none := member(t, nil)
	v := &voter{}
	port, _ := serve(t, "127.0.0.1", 0, none, v)
	if _, err := client(none, port, loopback()).State(t.Context(), "orders-db-1"); err == nil {
		t.Error("was answered without a certificate on either side")
	}
	_, good := member(t, secret(t, authority(t), login))
	if _, err := client(good, port, loopback()).State(t.Context(), "orders-db-1"); err == nil {
		t.Error("a server without certificates answered")
	}
	if asked := v.wasAsked(); len(asked) > 0 {
		t.Errorf("was asked %v", asked)
	}
}

func TestAMemberThatThePlanDoesNotHave(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	asking := client(c, 1, loopback())
	asking.SetHosts(map[string]string{"orders-db-2": host})
	if _, err := asking.State(t.Context(), "orders-db-1"); err == nil || !strings.Contains(err.Error(), "orders-db-1") {
		t.Errorf("got %v", err)
	}
}

// TestWhatCannotBeRead: neither side takes in more than it needs, and what it does not understand counts as not said.
func TestWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	v := &voter{name: strings.Repeat("x", maxBody)}
	port, _ := serve(t, "127.0.0.1", 0, c, v)
	asking, ctx := client(c, port, loopback()), t.Context()
	if _, err := asking.Vote(ctx, "orders-db-1", election.VoteRequest{Candidate: v.name}); err == nil {
		t.Error("a question that is too long was answered")
	}
	for path, body := range map[string]any{votePath: "yes", vouchPath: []int{1}, farewellPath: 7, "/else": nil} {
		q := question{method: http.MethodPost, path: path, body: body}
		if _, err := ask[struct{}](ctx, asking, "orders-db-1", q); err == nil {
			t.Errorf("%v on %s was answered", body, path)
		}
	}
	if asked := v.wasAsked(); len(asked) > 0 {
		t.Errorf("was asked %v", asked)
	}
	s, err := asking.State(ctx, "orders-db-1")
	if _, long := errors.AsType[*http.MaxBytesError](err); !long {
		t.Errorf("an answer of %d bytes gave %v", len(s.Incarnation), err)
	}
}

// TestHalfAnAnswerIsNone: what was understood before it broke off must not count as said.
func TestHalfAnAnswerIsNone(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port := pretend(t, c, func(_ int, conn net.Conn) {
		body := `{"granted":true,"epoch":"eight"}`
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	})
	vote, err := client(c, port, loopback()).Vote(t.Context(), "orders-db-1", election.VoteRequest{Epoch: 8})
	if err == nil || vote.Granted {
		t.Errorf("got %+v, %v", vote, err)
	}
}

// TestASlowMemberHoldsUpNobody, and it learns that nobody waits for it any more: a vote that nobody hears must not be
// given, since it binds.
func TestASlowMemberHoldsUpNobody(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	v := &voter{slow: true}
	port, _ := serve(t, "127.0.0.1", 0, c, v)
	began := time.Now()
	_, err := client(c, port, loopback()).Vote(t.Context(), "orders-db-1", election.VoteRequest{Epoch: 3})
	if took := time.Since(began); !errors.Is(err, context.DeadlineExceeded) || took > 5*election.RequestTimeout {
		t.Errorf("got %v after %v", err, took)
	}
	for end := time.Now().Add(10 * time.Second); len(v.wasAsked()) < 2; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("the slow member never learned that the candidate had hung up")
		}
	}
}

// TestAddressesOutliveDNS: an outage takes both down when they run on the same nodes (PROTOCOL I9). And a pod that was
// made anew has another address.
func TestAddressesOutliveDNS(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, stop := serve(t, "127.0.0.1", 0, c, &voter{name: "first"})
	dns := loopback()
	asking := client(c, port, dns)
	ask := func(want string) {
		t.Helper()
		asking.http.CloseIdleConnections()
		s, err := asking.State(t.Context(), "orders-db-1")
		if (err == nil) != (want != "") || s.Incarnation != want {
			t.Errorf("got %q, %v, want %q", s.Incarnation, err, want)
		}
	}
	ask("first")
	dns.set("")
	ask("first")
	stop()
	ask("")
	serve(t, "127.0.0.2", port, c, &voter{name: "second"})
	ask("") // where it is now only DNS knows
	dns.set("127.0.0.2")
	ask("second")
	dns.set("")
	ask("second")
}

// TestSlowDNS: it costs resolveWithin while an address is known, and has the whole time when none is, or it is wrong.
func TestSlowDNS(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, stop := serve(t, "127.0.0.1", 0, c, &voter{name: "first"})
	dns := loopback()
	dns.slow = true
	asking := client(c, port, dns)
	ask := func(want string) {
		t.Helper()
		asking.http.CloseIdleConnections()
		if s, err := asking.State(t.Context(), "orders-db-1"); err != nil || s.Incarnation != want {
			t.Errorf("got %q, %v, want %q", s.Incarnation, err, want)
		}
	}
	ask("first")
	if got := asking.last[host]; got != "127.0.0.1" {
		t.Errorf("remembers %q, want where it was reached", got)
	}
	dns.set("127.0.0.3") // would be wrong, but comes too late
	ask("first")
	stop()
	serve(t, "127.0.0.2", port, c, &voter{name: "second"})
	dns.set("127.0.0.2")
	ask("second")
}

// TestAnAddressOfSeveral: where pods have one of each family, not every one leads everywhere.
func TestAnAddressOfSeveral(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, _ := serve(t, "127.0.0.1", 0, c, &voter{name: "first"})
	asking := client(c, port, &names{address: "127.0.0.2 127.0.0.1"})
	if s, err := asking.State(t.Context(), "orders-db-1"); err != nil || s.Incarnation != "first" {
		t.Errorf("got %q, %v", s.Incarnation, err)
	}
}

// TestADeadConnectionIsNotKept: the member is found where it is now.
func TestADeadConnectionIsNotKept(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, stop := serve(t, "127.0.0.1", 0, c, &voter{name: "first"})
	dns := loopback()
	asking := client(c, port, dns)
	if _, err := asking.State(t.Context(), "orders-db-1"); err != nil {
		t.Fatal(err)
	}
	stop()
	serve(t, "127.0.0.2", port, c, &voter{name: "second"})
	dns.set("127.0.0.2")
	if s, err := asking.State(t.Context(), "orders-db-1"); err != nil || s.Incarnation != "second" {
		t.Errorf("got %q, %v", s.Incarnation, err)
	}
}

// TestADeadConnectionCostsNoQuestion: one that was kept, and is closed in the very moment of the next question. During
// an outage of the API server a vouch that is lost for that could cost a failover.
func TestADeadConnectionCostsNoQuestion(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port := pretend(t, c, func(question int, conn net.Conn) {
		if question == 2 {
			_ = conn.Close()
			return
		}
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{\"yes\":true}")
	})
	asking := client(c, port, loopback())
	for range 2 {
		voucher, err := asking.Vouch(t.Context(), "orders-db-1", election.VouchRequest{Epoch: 8})
		if err != nil || !voucher.Yes {
			t.Errorf("got %+v, %v", voucher, err)
		}
	}
}

// TestConnectionsAreKept: a handshake for each question would cost most of the time that a failover has for it.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, _ := serve(t, "127.0.0.1", 0, c, &voter{name: strings.Repeat("x", maxBody/2)})
	asking := client(c, port, loopback())
	dials := 0
	transport := asking.http.Transport.(*http.Transport)
	transport.DialTLSContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials++
		return asking.dial(ctx, network, address)
	}
	for range 5 {
		if _, err := asking.State(t.Context(), "orders-db-1"); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("dialled %d times for 5 questions", dials)
	}
}

// TestADialEnds: of a member that is cut off nothing must be left when the question is given up.
func TestADialEnds(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	mute, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = mute.Close() }()
	asking := client(c, mute.Addr().(*net.TCPAddr).Port, loopback())
	if _, err := asking.State(t.Context(), "orders-db-1"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	conn, err := mute.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.Copy(io.Discard, conn); err != nil {
		t.Errorf("the handshake is still waited for: %v", err)
	}
}

// TestServeNeedsItsPort.
func TestServeNeedsItsPort(t *testing.T) {
	t.Parallel()
	_, c := member(t, secret(t, authority(t), login))
	port, _ := serve(t, "127.0.0.1", 0, c, &voter{})
	if err := Serve(t.Context(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), c, &voter{}); err == nil {
		t.Error("two servers on one port")
	}
}
