// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package postgresql

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// servers are the PostgreSQL servers on this machine, by major version, where Debian's packages put them. The test
// image and CI have one; elsewhere the tests below are skipped.
func servers(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Skip("no PostgreSQL server on this machine")
	}
	found := map[string]string{}
	for _, path := range paths {
		found[filepath.Base(filepath.Dir(filepath.Dir(path)))] = path
	}
	return found
}

// ask lets a server read a configuration and say the value of one parameter. It fails when the server refuses any line.
func ask(t *testing.T, server, config, parameter string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "postgresql.conf")
	for file, content := range map[string]string{
		path: config,
		filepath.Join(filepath.Dir(path), "postgresql.auto.conf"): "", // the server complains when it is missing
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), server, "-C", parameter, "-c", "config_file="+path, "-D", filepath.Dir(path))
	var complaints strings.Builder
	cmd.Stderr = &complaints
	answer, err := cmd.Output()
	if err != nil || complaints.Len() > 0 {
		t.Fatalf("the server refused the configuration: %v\n%s\n%s", err, complaints.String(), config)
	}
	return strings.TrimSuffix(string(answer), "\n")
}

// TestServerTakesConfiguration: a real server accepts every line that is rendered for it.
func TestServerTakesConfiguration(t *testing.T) {
	t.Parallel()
	for major, server := range servers(t) {
		for _, size := range sizes {
			t.Run(major+"/"+size.memory, func(t *testing.T) {
				t.Parallel()
				spec := newSpec(size.memory, size.cpu, size.storage)
				spec.Parameters = p("temp_buffers", "1.5 MB", "Max_Connections", "50")
				config := Engine{}.Configure(spec, major+".1")[ConfigFile]
				if got := ask(t, server, config, "max_connections"); got != "50" {
					t.Errorf("max_connections is %q", got)
				}
			})
		}
	}
}

// TestServerReadsValuesBack proves the escaping on the lexer that counts.
func TestServerReadsValuesBack(t *testing.T) {
	t.Parallel()
	for major, server := range servers(t) {
		for _, value := range []string{
			"", "'", "''", `\`, `\'`, "it's", `C:\temp\0`, "a\nfsync = off", "\t\x01\x7f", "ä€😀", "# x", `\012`, "\x0112",
		} {
			t.Run(major, func(t *testing.T) {
				t.Parallel()
				config := RenderConfig(map[string]string{"atlasdb_test.value": value})
				if got := ask(t, server, config, "atlasdb_test.value"); got != value {
					t.Errorf("%q was read back as %q", value, got)
				}
			})
		}
	}
}

// TestServerAgreesOnChecks: what AtlasDB lets through of the parameters that it checks, the server takes too, at both
// ends of what is allowed.
func TestServerAgreesOnChecks(t *testing.T) {
	t.Parallel()
	for major, server := range servers(t) {
		for name, b := range checkedParameters {
			for _, n := range []int64{b.least, b.most} {
				value := b.format(n)
				t.Run(major+"/"+name+"/"+value, func(t *testing.T) {
					t.Parallel()
					ask(t, server, RenderConfig(map[string]string{name: value}), name)
				})
			}
		}
	}
}
