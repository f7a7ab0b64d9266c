// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"time"
)

const (
	patience     = 60 * time.Second
	pollInterval = 50 * time.Millisecond
)

// await calls ready until it has no error left, or patience or the context ends.
func await(ctx context.Context, what string, ready func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		err := ready(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w (%w)", what, err, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

func (c *Cluster) apiServerURL() string {
	return "https://" + netip.AddrPortFrom(c.ControlIP(), apiServerPort).String()
}

func (c *Cluster) awaitAPI(ctx context.Context) error {
	authority, err := os.ReadFile(c.Path("pki", "ca.crt"))
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	defer client.CloseIdleConnections()
	url := c.apiServerURL() + "/readyz"
	return await(ctx, "kube-apiserver", func(ctx context.Context) error { return getOK(ctx, client, url) })
}

func (c *Cluster) awaitDNS(ctx context.Context) error {
	return c.Report.Step("coredns", func() error {
		url := "http://" + netip.AddrPortFrom(c.ControlIP(), dnsReadyPort).String() + "/ready"
		return await(ctx, "coredns", func(ctx context.Context) error { return getOK(ctx, http.DefaultClient, url) })
	})
}

func getOK(ctx context.Context, client *http.Client, url string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close() //nolint:errcheck // only read
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answered %s", url, response.Status) //nolint:err113 // shown to a person only
	}
	return nil
}

func (c *Cluster) awaitSocket(ctx context.Context, path string) error {
	return await(ctx, path, func(ctx context.Context) error {
		connection, err := new(net.Dialer).DialContext(ctx, "unix", path)
		if err != nil {
			return err
		}
		return connection.Close()
	})
}

// awaitControllers waits for an object that only a running controller makes, and without which no pod is admitted.
func (c *Cluster) awaitControllers(ctx context.Context) error {
	return c.Report.Step("controllers", func() error {
		_, err := c.kubectl(ctx, "wait", "--for=create", "--timeout="+patience.String(), "serviceaccount/default")
		return err
	})
}

func (c *Cluster) awaitNodes(ctx context.Context) error {
	return c.Report.Step("nodes ready", func() error {
		arguments := []string{"wait", "--for=condition=Ready", "--timeout=" + patience.String()}
		for _, node := range c.EachNode() {
			arguments = append(arguments, "node/"+node.Name())
		}
		// kubectl does not wait for a node that has not registered yet: it is asked again.
		return await(ctx, "cluster", func(ctx context.Context) error {
			_, err := c.kubectl(ctx, arguments...)
			return err
		})
	})
}

// kubectl runs the cluster's own kubectl as its administrator and returns its output.
func (c *Cluster) kubectl(ctx context.Context, arguments ...string) (string, error) {
	command := exec.CommandContext(ctx, c.programs.Path("kubectl"),
		append([]string{"--kubeconfig", c.Kubeconfig()}, arguments...)...)
	out, err := command.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		err = fmt.Errorf("kubectl %s: %w\n%s", arguments[0], err, exit.Stderr)
	}
	return string(out), err
}
