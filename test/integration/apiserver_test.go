// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build integration

package integration

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
)

// server is the API server that all tests of this package share.
var server *rest.Config

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "atlasdb-integration")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	config, stop, err := start(ctx, dir)
	defer stop()
	if err != nil {
		out, _ := os.ReadFile(filepath.Join(dir, "kube-apiserver.log"))
		fmt.Fprintf(os.Stderr, "starting the API server: %v\n%s\n", err, out)
		return 1
	}
	server = config
	return m.Run()
}

// start brings etcd and kube-apiserver up and returns an administrator's access. stop ends what was started.
func start(ctx context.Context, dir string) (config *rest.Config, stop func(), err error) {
	var started []*exec.Cmd
	stop = func() {
		for _, cmd := range started {
			_ = cmd.Process.Signal(syscall.SIGKILL)
			_ = cmd.Wait()
		}
	}
	free, err := ports(3)
	if err != nil {
		return nil, stop, err
	}
	client, peer, api := free[0], free[1], free[2]
	key := filepath.Join(dir, "serviceaccount.key")
	if err := writeKey(key); err != nil {
		return nil, stop, err
	}
	tokens := filepath.Join(dir, "tokens")
	if err := os.WriteFile(tokens, []byte("admin,admin,1,system:masters\n"), 0o600); err != nil {
		return nil, stop, err
	}
	for name, args := range map[string][]string{
		"etcd": {
			"--data-dir=" + filepath.Join(dir, "etcd"), "--unsafe-no-fsync",
			"--listen-client-urls=" + url(client), "--advertise-client-urls=" + url(client),
			"--listen-peer-urls=" + url(peer),
		},
		"kube-apiserver": {
			"--etcd-servers=" + url(client), "--cert-dir=" + dir, fmt.Sprintf("--secure-port=%d", api),
			"--bind-address=127.0.0.1", "--token-auth-file=" + tokens, "--authorization-mode=RBAC",
			"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + key,
			"--service-account-signing-key-file=" + key, "--service-cluster-ip-range=198.19.240.0/24",
			"--disable-admission-plugins=ServiceAccount",
		},
	} {
		cmd, err := command(dir, name, args)
		if err != nil {
			return nil, stop, err
		}
		started = append(started, cmd)
	}
	config = &rest.Config{
		Host: fmt.Sprintf("https://127.0.0.1:%d", api), BearerToken: "admin", QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{Insecure: true},
	}
	return config, stop, awaitReady(ctx, config)
}

func command(dir, name string, args []string) (*exec.Cmd, error) {
	programs := os.Getenv("KUBE_PROGRAMS")
	if programs == "" {
		return nil, errors.New("KUBE_PROGRAMS is not set; run `make integration`")
	}
	log, err := os.Create(filepath.Join(dir, name+".log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(programs, name), args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	return cmd, cmd.Start()
}

// awaitReady asks until the server says that it is ready.
func awaitReady(ctx context.Context, config *rest.Config) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := client.RESTClient().Get().AbsPath("/readyz").Do(ctx).Error()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// ports finds free ports of the loopback address.
func ports(n int) (free []int, err error) {
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer func() { _ = l.Close() }() // all are held until all are known, so that none comes twice
		_, port, err := net.SplitHostPort(l.Addr().String())
		if err != nil {
			return nil, err
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			return nil, err
		}
		free = append(free, number)
	}
	return free, nil
}

func url(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

func writeKey(path string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}), 0o600)
}
