// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"runtime"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
)

// routeTo leads to an address with the login of a binding Secret, over TLS, and sure of whom it talks to: each
// certificate bears the name of the Service.
func routeTo(address, service string, binding *corev1.Secret) (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(string(binding.Data["uri"]))
	if err != nil {
		return nil, err
	}
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(binding.Data["ca.crt"]) {
		return nil, fmt.Errorf("Secret %s has no authority", binding.Name)
	}
	config.TLSConfig = &tls.Config{
		RootCAs: authority, ServerName: service + "." + binding.Namespace + ".svc", MinVersion: tls.VersionTLS12,
	}
	config.Host, config.ConnectTimeout, config.Fallbacks = address, connectTimeout, nil
	return config, nil
}

// directly leads to one address by the same login.
func directly(route *pgx.ConnConfig, address string) *pgx.ConnConfig {
	config := route.Copy()
	config.Host = address
	return config
}

// fromWithin makes a route begin in a network namespace. A socket stays in the namespace that it was made in.
func fromWithin(route *pgx.ConnConfig, namespace string) *pgx.ConnConfig {
	config := route.Copy()
	config.DialFunc = dialFrom(namespace)
	return config
}

func dialFrom(namespace string) pgconn.DialFunc {
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
