// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// asProgram makes the test's own program the server's, for tests that need a process.
const asProgram = "MONGOD_STANDIN_TEST"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

func program(ctx context.Context, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, os.Args[0], args...)
	command.Env = append(os.Environ(), asProgram+"=1", versionVariable+"=8.0.13")
	return command
}

// configuration writes the files of a server without TLS on a free port.
func configuration(t *testing.T) (path, port string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	_, port, _ = net.SplitHostPort(listener.Addr().String())
	folder := t.TempDir()
	path = filepath.Join(folder, "mongod.conf")
	for name, content := range map[string]string{"keyfile": "0123456789", "mongod.conf": fmt.Sprintf(
		"net: {port: %s}\nsecurity: {keyFile: %s/keyfile}\nstorage: {dbPath: %s}\nreplication: {replSetName: rs0}\n",
		port, folder, folder)} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return path, port
}

func TestSimulatedProgramSaysThatItIs(t *testing.T) {
	t.Parallel()
	out, err := program(t.Context(), "--version").Output()
	text := string(out)
	if err != nil || !strings.HasPrefix(text, "db version v8.0.13\n") || !strings.Contains(text, "simulated") {
		t.Errorf("--version: %q, %v", out, err)
	}
}

func TestSimulatedProgramEndsCleanlyWhenTold(t *testing.T) {
	t.Parallel()
	path, port := configuration(t)
	command := program(t.Context(), "--config", path)
	var log bytes.Buffer
	command.Stdout = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(10 * time.Millisecond) {
		if conn, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("it does not listen")
		}
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	if first, _, _ := strings.Cut(log.String(), "\n"); !strings.Contains(first, "SIMULATED") {
		t.Errorf("the log begins with %s", first)
	}
}

// TestSimulatedExitCodes: mongodb.com/docs/manual/reference/exit-codes/.
func TestSimulatedExitCodes(t *testing.T) {
	t.Parallel()
	out, err := program(t.Context(), "--config", "/nowhere").CombinedOutput()
	without := program(t.Context())
	if err := without.Run(); err == nil || without.ProcessState.ExitCode() != exitBadOptions {
		t.Errorf("without a configuration: %v, want exit code %d", err, exitBadOptions)
	}
	if err == nil {
		t.Errorf("with a configuration that is not there: %s", out)
	}
}

func TestUnknownOptionIsRefused(t *testing.T) {
	t.Parallel()
	path, _ := configuration(t)
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, append(content, "nett: {port: 1}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	err = run(t.Context(), []string{"--config", path}, os.Stdout, slog.New(slog.DiscardHandler))
	if err == nil || !strings.Contains(err.Error(), "unrecognized option: nett") {
		t.Errorf("%v, want the option to be named", err)
	}
}
