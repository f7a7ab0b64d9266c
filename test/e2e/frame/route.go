// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package frame

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os/exec"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ConnectTimeout is how long a client tries to open a connection.
const ConnectTimeout = 2 * time.Second

// Route is how an application logs in through a Service: as the binding Secret says, over TLS, and sure of whom it
// talks to.
type Route struct {
	// URI, Username, Password and Database are those of the binding.
	URI, Username, Password, Database string
	// Service is the Service's name, Host and Port are where it is.
	Service, Host, Port string
	// TLS trusts the binding's authority and nobody else.
	TLS *tls.Config
	// Dial opens a connection to the Service.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// DialMember opens a connection to a member, by the host name that the members have for it.
	DialMember func(ctx context.Context, host string) (net.Conn, error)
}

// Route leads to one of a cluster's Services.
func (f *Frame) Route(ctx context.Context, cluster, service string) (*Route, error) {
	binding, err := f.Kube.CoreV1().Secrets(f.NS).Get(ctx, cluster+"-app", metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	svc, err := f.Kube.CoreV1().Services(f.NS).Get(ctx, service, metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	is := func(key string) string { return string(binding.Data[key]) }
	authority := x509.NewCertPool()
	if !authority.AppendCertsFromPEM(binding.Data["ca.crt"]) {
		return nil, fmt.Errorf("binding %s has no authority", binding.Name)
	}
	r := &Route{
		URI: is("uri"), Username: is("username"), Password: is("password"), Database: is("database"),
		Service: service, Host: svc.Spec.ClusterIP, Port: is("port"),
		TLS: &tls.Config{RootCAs: authority, ServerName: service + "." + f.NS + ".svc", MinVersion: tls.VersionTLS12},
	}
	r.Dial, r.DialMember = f.dialers(service, r.Port)
	return r, nil
}

// dialers open connections to a Service, and to a member: directly on localkube, whose networks this machine is in, and
// elsewhere by way of the API server.
func (f *Frame) dialers(service, port string) (
	toService func(ctx context.Context, network, address string) (net.Conn, error),
	toMember func(ctx context.Context, host string) (net.Conn, error),
) {
	podOf := func(host string) string { name, _, _ := strings.Cut(host, "."); return name }
	if local() == nil {
		return func(ctx context.Context, _, _ string) (net.Conn, error) {
			pod, err := f.behind(ctx, service)
			if err != nil {
				return nil, err
			}
			return f.forward(ctx, pod, port)
		}, func(ctx context.Context, host string) (net.Conn, error) { return f.forward(ctx, podOf(host), port) }
	}
	dial := (&net.Dialer{Timeout: ConnectTimeout}).DialContext
	return dial, func(ctx context.Context, host string) (net.Conn, error) {
		pod, err := f.Kube.CoreV1().Pods(f.NS).Get(ctx, podOf(host), metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return dial(ctx, "tcp", net.JoinHostPort(pod.Status.PodIP, port))
	}
}

// PostgreSQL is the route for pgx.
func (r *Route) PostgreSQL() (*pgx.ConnConfig, error) {
	config, err := pgx.ParseConfig(r.URI)
	if err != nil {
		return nil, err
	}
	config.TLSConfig, config.Host, config.ConnectTimeout = r.TLS, r.Host, ConnectTimeout
	config.DialFunc, config.Fallbacks = r.Dial, nil
	return config, nil
}

// forward opens a connection to a pod by way of the API server, for machines without a route to the cluster's networks.
func (f *Frame) forward(ctx context.Context, pod, port string) (net.Conn, error) {
	// It must outlive ctx, which may be for the dialling alone; closing the connection ends it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), kubectlProgram(), "--namespace="+f.NS, "port-forward",
		"pod/"+pod, ":"+port)
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	end := func() error { return errors.Join(cmd.Process.Kill(), ignoreExit(cmd.Wait())) }
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("forwarding to %s: %w", pod, err), end())
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	address, _, _ := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " ")
	conn, err := (&net.Dialer{Timeout: ConnectTimeout}).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, errors.Join(err, end())
	}
	return forwarded{conn, end}, nil
}

// ignoreExit leaves out that a program which was killed did not end well.
func ignoreExit(err error) error {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return nil
	}
	return err
}

// forwarded is a connection that ends its kubectl.
type forwarded struct {
	net.Conn
	end func() error
}

// Close implements net.Conn.
func (c forwarded) Close() error { return errors.Join(c.Conn.Close(), c.end()) }

// behind is a ready pod behind a Service. Each connection chooses anew, as it would by the Service.
func (f *Frame) behind(ctx context.Context, service string) (string, error) {
	slices, err := f.Kube.DiscoveryV1().EndpointSlices(f.NS).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + service,
	})
	if err != nil {
		return "", err
	}
	for _, s := range slices.Items {
		for _, e := range s.Endpoints {
			if e.Conditions.Ready != nil && *e.Conditions.Ready && e.TargetRef != nil {
				return e.TargetRef.Name, nil
			}
		}
	}
	return "", fmt.Errorf("no ready endpoint is behind Service %s", service)
}
