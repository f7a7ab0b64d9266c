// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	t.Parallel()
	listing := "runc installed\nsocat config-files\nipset installed\n"
	got := missing([]string{"ipset", "runc", "socat", "unknown"}, listing)
	if want := []string{"socat", "unknown"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestTurnChangesTheSuiteAndNotTheMirror(t *testing.T) {
	t.Parallel()
	sources := "Types: deb\nURIs: http://bookworm.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
	want := "Types: deb\nURIs: http://bookworm.example/debian\nSuites: trixie trixie-updates\nComponents: main\n"
	if got := turn(sources, "bookworm", "trixie"); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAddNamesPocketsOnceAndOnlyWhereTheSuiteIsServed(t *testing.T) {
	t.Parallel()
	sources := "Types: deb\nSuites: bookworm bookworm-updates\n\nTypes: deb\nSuites: bookworm-security\n"
	want := "Types: deb\nSuites: bookworm bookworm-updates bookworm-backports\n\nTypes: deb\nSuites: bookworm-security\n"
	pockets := []string{"updates", "backports"}
	once := add(sources, "bookworm", pockets)
	if once != want {
		t.Errorf("got %q, want %q", once, want)
	}
	if twice := add(once, "bookworm", pockets); twice != want {
		t.Errorf("the second time %q, want %q", twice, want)
	}
	if none := add(sources, "bookworm", nil); none != sources {
		t.Errorf("without pockets %q, want %q", none, sources)
	}
}

func TestCodename(t *testing.T) {
	t.Parallel()
	got, err := codename(strings.NewReader("ID=debian\nVERSION_CODENAME=bookworm\n"))
	if err != nil || got != "bookworm" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := codename(strings.NewReader("ID=other\n")); !errors.Is(err, errNoCodename) {
		t.Errorf("got %v, want %v", err, errNoCodename)
	}
}
