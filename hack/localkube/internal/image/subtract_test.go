// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

type file struct {
	header  tar.Header
	content string
}

func plain(name, content string) file {
	return file{tar.Header{Name: name, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(content))}, content}
}

func folder(name string, mode int64) file {
	return file{header: tar.Header{Name: name, Typeflag: tar.TypeDir, Mode: mode}}
}

func link(name, target string) file {
	return file{header: tar.Header{Name: name, Typeflag: tar.TypeLink, Linkname: target}}
}

func archive(t *testing.T, files ...file) string {
	t.Helper()
	var out bytes.Buffer
	writer := tar.NewWriter(&out)
	for _, f := range files {
		if err := write(writer, &f.header, []byte(f.content)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "a.tar")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func names(t *testing.T, path string) []string {
	t.Helper()
	in, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	var names []string
	for reader := tar.NewReader(in); ; {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func TestSubtract(t *testing.T) {
	t.Parallel()
	base := archive(t,
		folder("./", 0o755), folder("./old/", 0o755), plain("./old/inner", "x"), plain("./same", "s"),
		plain("./changed", "a"), folder("./run/", 0o755), plain("./target", "1"), link("./linked", "./target"),
		plain("./still", "2"), link("./stays", "./still"), plain("./gone", "g"),
	)
	full := archive(t,
		folder("./", 0o755), plain("./same", "s"), plain("./changed", "b"), folder("./run/", 0o777),
		plain("./target", "3"), link("./linked", "./target"), plain("./still", "2"), link("./stays", "./still"),
		plain("./new", "n"), plain(statusFile, "Package: p\n"),
	)
	layer := filepath.Join(t.TempDir(), "layer.tar")
	status, err := subtract(full, base, layer)
	if err != nil || status != "Package: p\n" {
		t.Fatalf("status %q, %v", status, err)
	}
	want := []string{
		"./changed", "./run/", "./target", "./linked", "./new", statusFile, ".wh.gone", ".wh.old",
	}
	if got := names(t, layer); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestUpstreamVersion(t *testing.T) {
	t.Parallel()
	status := "Package: libpq5\nVersion: 17.9-1\n\n" +
		"Package: postgresql-17\nStatus: install ok installed\nVersion: 17.11-0+deb13u1\n\n" +
		"Package: redis\nVersion: 5:8.0.2-3\n"
	for name, want := range map[string]string{"postgresql-17": "17.11", "redis": "8.0.2"} {
		if got, err := upstreamVersion(status, name); err != nil || got != want {
			t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
		}
	}
	if _, err := upstreamVersion(status, "postgresql"); !errors.Is(err, ErrUnknown) {
		t.Errorf("got %v, want %v", err, ErrUnknown)
	}
}
