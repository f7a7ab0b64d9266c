// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// words asks keepers in ZooKeeper's four-letter words, which both kinds understand: one word over a connection, to
// which the answer is all that comes back.
type words struct {
	dial         Dial
	certificates string
}

// mostAnswer bounds an answer: the longest is about 40 KiB.
const mostAnswer = 256 << 10

// ask asks the keeper at an address, whose certificate has a name.
func (w words) ask(ctx context.Context, kind clickhouse.Keeper, address, host, word string) (string, error) {
	connection, err := w.connect(ctx, kind, address, host)
	if err != nil {
		return "", err
	}
	defer func() { _ = connection.Close() }()
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(answerWithin)
	}
	if err := connection.SetDeadline(deadline); err != nil {
		return "", fmt.Errorf("asking keeper %s: %w", host, err)
	}
	if _, err := io.WriteString(connection, word); err != nil {
		return "", fmt.Errorf("asking keeper %s: %w", host, err)
	}
	answer, err := io.ReadAll(io.LimitReader(connection, mostAnswer))
	if err != nil {
		return "", fmt.Errorf("asking keeper %s: %w", host, err)
	}
	return string(answer), nil
}

// connect opens a connection as a member does: in the version's own way, with the members' certificate.
func (w words) connect(ctx context.Context, kind clickhouse.Keeper, address, host string) (net.Conn, error) {
	dial := w.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	port := clickhouse.KeeperPort
	if kind == clickhouse.ZooKeeper {
		port = clickhouse.ZooKeeperPort
	}
	plain, err := dial(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(port)))
	if err != nil || kind == clickhouse.ZooKeeper {
		return plain, err
	}
	roots, err := authority(w.certificates)
	if err != nil {
		return nil, err
	}
	mine, err := tls.LoadX509KeyPair(
		filepath.Join(w.certificates, resource.ClientCertKey), filepath.Join(w.certificates, resource.ClientKeyKey))
	if err != nil {
		return nil, fmt.Errorf("reading the members' certificate: %w", err)
	}
	return tls.Client(plain, &tls.Config{
		RootCAs: roots, ServerName: host, Certificates: []tls.Certificate{mine}, MinVersion: tls.VersionTLS12,
	}), nil
}

// keeperOf is which keepers a plan has.
func keeperOf(plan engine.Plan) clickhouse.Keeper {
	dialect, _ := clickhouse.DialectOf(plan.Build)
	return dialect.Keeper
}

// keeperState is what a keeper says of itself.
type keeperState struct{ Version, Mode string }

// Leads says that the keeper leads the others, Serving that it serves at all: one that sees no majority has no mode.
func (s keeperState) Leads() bool   { return s.Mode == "leader" || s.Mode == "standalone" }
func (s keeperState) Serving() bool { return s.Leads() || s.Mode == "follower" }

// state asks a keeper what it is.
func (w words) state(ctx context.Context, kind clickhouse.Keeper, address, host string) (keeperState, error) {
	answer, err := w.ask(ctx, kind, address, host, "srvr")
	if err != nil {
		return keeperState{}, err
	}
	return stateIn(answer), nil
}

// stateIn reads the answer to srvr.
func stateIn(answer string) (s keeperState) {
	for line := range strings.Lines(answer) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch {
		case name == "Mode":
			s.Mode = value
		case strings.HasSuffix(name, "version"):
			s.Version, _, _ = strings.Cut(strings.TrimPrefix(value, "v"), "-")
		}
	}
	return s
}

// serving says whether the keepers have a quorum, as any of them sees it.
func (d *Driver) serving(ctx context.Context, plan engine.Plan) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	w := words{dial: d.options.Dial, certificates: d.options.CertificateDirectory}
	keepers := plan.Ensemble()
	for _, k := range keepers {
		if s, err := w.state(ctx, keeperOf(plan), k.Host, k.Host); err == nil && s.Serving() {
			return true
		}
	}
	return len(keepers) == 0
}
