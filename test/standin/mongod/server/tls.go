// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// certificates are those of the files when they were last read.
type certificates struct {
	own tls.Certificate
	ca  *x509.CertPool
}

// ReloadCertificates reads the files again. Connections that stand keep what they have.
func (s *Server) ReloadCertificates() error {
	if s.options.CertificateFile == "" {
		return nil
	}
	own, err := tls.LoadX509KeyPair(s.options.CertificateFile, s.options.CertificateFile)
	if err != nil {
		return fmt.Errorf("net.tls.certificateKeyFile: %w", err)
	}
	trusted, err := os.ReadFile(s.options.CAFile)
	if err != nil {
		return fmt.Errorf("net.tls.CAFile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(trusted) {
		return errors.New("net.tls.CAFile: no certificate in it")
	}
	s.tls.Store(&certificates{own: own, ca: pool})
	return nil
}

func (s *Server) rotateCertificates(context.Context, *request) (bson.D, error) {
	if err := s.ReloadCertificates(); err != nil {
		return nil, fail(badValue, "%v", err)
	}
	return bson.D{}, nil
}

// tlsServer takes the newest certificates for each connection. A client needs none, but one that it has must be good.
func (s *Server) tlsServer() *tls.Config {
	if s.tls.Load() == nil {
		return nil
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		now := s.tls.Load()
		return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{now.own}, ClientCAs: now.ca,
			ClientAuth: tls.VerifyClientCertIfGiven}, nil
	}}
}

// dial connects to another member. The own certificate is presented as a client's unless tlsWithholdClientCertificate
// says otherwise, and the other side then asks for the usage "client authentication"
// (mongodb.com/docs/manual/reference/parameters/#mongodb-parameter-param.tlsWithholdClientCertificate).
func (s *Server) dial(ctx context.Context, host string) (*wire.Client, error) {
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	config, err := s.tlsClient(host)
	if err != nil {
		return nil, err
	}
	conn, err := s.options.Dial(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	return wire.Enter(ctx, conn, config, s.options.secret)
}

// tlsClient is how to talk to a host, or nil without TLS.
func (s *Server) tlsClient(host string) (*tls.Config, error) {
	now := s.tls.Load()
	if now == nil {
		return nil, nil
	}
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: now.ca, ServerName: name}
	if withhold, _ := s.options.Parameters["tlsWithholdClientCertificate"].(bool); !withhold {
		config.Certificates = []tls.Certificate{now.own}
	}
	return config, nil
}
