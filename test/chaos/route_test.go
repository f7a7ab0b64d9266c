// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// route is a way to a server.
type route struct {
	// uri is what the binding Secret says: the login, the database and the port.
	uri string
	// address is that of the host, in place of the one in uri.
	address string
	// direct says that this very server is meant, and not whomever it knows.
	direct bool
	tls    *tls.Config
	// dial makes connections from elsewhere; nil for from here.
	dial dialFunc
}

type dialFunc = func(ctx context.Context, network, address string) (net.Conn, error)

// routeTo leads to an address with the login of a binding Secret, over TLS, and sure of whom it talks to: each
// certificate bears the name of the Service.
func routeTo(address, service string, binding *corev1.Secret) (route, error) {
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(binding.Data["ca.crt"]) {
		return route{}, fmt.Errorf("Secret %s has no authority", binding.Name)
	}
	return route{uri: string(binding.Data["uri"]), address: address, tls: &tls.Config{
		RootCAs: authority, ServerName: service + "." + binding.Namespace + ".svc", MinVersion: tls.VersionTLS12,
	}}, nil
}

// directly leads to one address by the same login.
func (r route) directly(address string) route {
	r.address, r.direct = address, true
	return r
}

// fromWithin makes a route begin in a network namespace. A socket stays in the namespace that it was made in.
func (r route) fromWithin(namespace string) route {
	r.dial = dialFrom(namespace)
	return r
}

// open makes an encrypted connection, for a client library that must not make one itself.
func (r route) open(ctx context.Context, address string) (*tls.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	dial := r.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	socket, err := dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	encrypted := tls.Client(socket, r.tls)
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return nil, errors.Join(err, socket.Close())
	}
	return encrypted, nil
}

func dialFrom(namespace string) dialFunc {
	type dialled struct {
		conn net.Conn
		err  error
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		done := make(chan dialled, 1)
		go func() {
			// The thread is never unlocked, hence ends with this goroutine and carries no other into the namespace.
			runtime.LockOSThread()
			if err := enter(namespace); err != nil {
				done <- dialled{err: err}
				return
			}
			conn, err := new(net.Dialer).DialContext(ctx, network, address)
			done <- dialled{conn, err}
		}()
		d := <-done
		return d.conn, d.err
	}
}

// enter moves the calling thread.
func enter(namespace string) error {
	file, err := os.Open(namespace)
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }()
	if err := unix.Setns(int(file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("entering %s: %w", namespace, err)
	}
	return nil
}
