// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// TestRulesBite runs the linter with our configuration over testdata/module and expects a report for each line that
// ends in "// want", and for no other.
func TestRulesBite(t *testing.T) {
	t.Parallel()
	linter, err := filepath.Abs(root + "/bin/golangci-lint")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(linter); err != nil {
		t.Skipf("%v: `make lint` builds it", err)
	}
	module := copyModule(t)
	got := reports(t, linter, module)
	if want := wanted(t, module); !slices.Equal(got, want) {
		t.Errorf("lines reported:\n%s\nlines wanted:\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// copyModule makes a module with our configuration at its top, since the configuration's paths are relative to it.
func copyModule(t *testing.T) string {
	t.Helper()
	module := t.TempDir()
	if err := os.CopyFS(module, os.DirFS("testdata/module")); err != nil {
		t.Fatal(err)
	}
	config, err := os.ReadFile(root + "/.golangci.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(module+"/.golangci.yaml", config, 0o600); err != nil {
		t.Fatal(err)
	}
	return module
}

// reports are the lines, as file:line, that the linters of our rules report; sorted.
func reports(t *testing.T, linter, module string) []string {
	t.Helper()
	command := exec.CommandContext(t.Context(), linter, "run", "--enable-only=depguard,forbidigo",
		"--output.json.path=stdout", "--show-stats=false", "--allow-parallel-runners")
	command.Dir = module
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output() // the exit status is 1 when there are reports, as there must be
	var result struct {
		Issues []struct {
			FromLinter string
			Pos        struct {
				Filename string
				Line     int
			}
		}
	}
	if jsonErr := json.Unmarshal(output, &result); jsonErr != nil {
		t.Fatalf("%v: %v\n%s%s", err, jsonErr, output, &stderr)
	}
	var lines []string
	for _, issue := range result.Issues {
		lines = append(lines, fmt.Sprintf("%s:%d", issue.Pos.Filename, issue.Pos.Line))
	}
	slices.Sort(lines)
	return lines
}

// wanted are the lines of the module, as file:line, that end in "// want"; sorted.
func wanted(t *testing.T, module string) []string {
	t.Helper()
	var lines []string
	err := fs.WalkDir(os.DirFS(module), ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		data, err := os.ReadFile(filepath.Join(module, path))
		if err != nil {
			return err
		}
		for i, line := range strings.Split(string(data), "\n") {
			if strings.HasSuffix(line, "// want") {
				lines = append(lines, fmt.Sprintf("%s:%d", path, i+1))
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(lines)
	return lines
}
