// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// sourcesFile is where Debian keeps its package sources since version 12.
const sourcesFile = "/etc/apt/sources.list.d/debian.sources"

// errNoCodename is returned on a machine whose os-release names no Debian suite.
var errNoCodename = errors.New("/etc/os-release has no VERSION_CODENAME")

// SourcesFor returns the machine's own package sources, turned to another suite: the mirrors that a machine may use
// are its owner's choice, and serve all suites. pockets, such as "backports", are those that the archive's mirror is
// asked for beside what the machine itself uses.
func SourcesFor(suite string, pockets ...string) (string, error) {
	sources, err := os.ReadFile(sourcesFile)
	if err != nil {
		return "", fmt.Errorf("package sources: %w", err)
	}
	release, err := os.Open("/etc/os-release")
	if err != nil {
		return "", err
	}
	defer release.Close() //nolint:errcheck // only read
	own, err := codename(release)
	if err != nil {
		return "", err
	}
	return add(turn(string(sources), own, suite), suite, pockets), nil
}

func codename(release io.Reader) (string, error) {
	lines := bufio.NewScanner(release)
	for lines.Scan() {
		if name, ok := strings.CutPrefix(lines.Text(), "VERSION_CODENAME="); ok {
			return strings.Trim(name, `"`), nil
		}
	}
	return "", errors.Join(lines.Err(), errNoCodename)
}

// turn replaces the suite in "Suites:" lines only: a mirror's address may contain the same word.
func turn(sources, own, suite string) string {
	var out strings.Builder
	for line := range strings.Lines(sources) {
		if strings.HasPrefix(line, "Suites:") {
			line = strings.ReplaceAll(line, own, suite)
		}
		out.WriteString(line)
	}
	return out.String()
}

// add names the pockets wherever the suite itself is served, which the mirror of security updates does not.
func add(sources, suite string, pockets []string) string {
	var out strings.Builder
	for line := range strings.Lines(sources) {
		words := strings.Fields(line)
		if len(words) == 0 || words[0] != "Suites:" || !slices.Contains(words, suite) {
			out.WriteString(line)
			continue
		}
		for _, pocket := range pockets {
			if name := suite + "-" + pocket; !slices.Contains(words, name) { // apt warns of one that is named twice
				words = append(words, name)
			}
		}
		out.WriteString(strings.Join(words, " ") + "\n")
	}
	return out.String()
}
