// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path"
	"slices"
)

// statusFile is dpkg's list of installed packages.
const statusFile = "./var/lib/dpkg/status"

// subtract writes as a layer what the tar file "full" has over "base", and returns full's package status.
func subtract(full, base, layer string) (status string, err error) {
	known, err := inventory(base)
	if err != nil {
		return "", err
	}
	in, err := os.Open(full)
	if err != nil {
		return "", err
	}
	defer in.Close() //nolint:errcheck // only read
	out, err := os.Create(layer)
	if err != nil {
		return "", err
	}
	status, err = difference(in, known, out)
	return status, errors.Join(err, out.Close())
}

// inventory maps each name in the tar file to the fingerprint of its entry.
func inventory(file string) (map[string]string, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer in.Close() //nolint:errcheck // only read
	known := map[string]string{}
	archive := tar.NewReader(in)
	for {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return known, nil
		}
		if err != nil {
			return nil, err
		}
		sum := fingerprint(header, known)
		if _, err := io.Copy(sum, archive); err != nil {
			return nil, err
		}
		known[header.Name] = hex.EncodeToString(sum.Sum(nil))
	}
}

// difference copies the entries of full that base has not or has otherwise, and whites out what only base has.
func difference(full io.Reader, base map[string]string, layer io.Writer) (status string, err error) {
	seen := map[string]string{}
	in, out := tar.NewReader(full), tar.NewWriter(layer)
	for {
		header, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return "", err
		}
		content, err := io.ReadAll(in)
		if err != nil {
			return "", err
		}
		if header.Name == statusFile {
			status = string(content)
		}
		sum := fingerprint(header, seen)
		sum.Write(content)
		seen[header.Name] = hex.EncodeToString(sum.Sum(nil))
		if seen[header.Name] == base[header.Name] {
			continue
		}
		if err := write(out, header, content); err != nil {
			return "", err
		}
	}
	if err := whiteOut(out, base, seen); err != nil {
		return "", err
	}
	return status, out.Close()
}

// whiteOut marks what base has and full has not (OCI image specification, layer.md, "Whiteouts").
func whiteOut(out *tar.Writer, base, full map[string]string) error {
	var gone []string
	for name := range base {
		if _, ok := full[name]; !ok {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	for _, name := range gone {
		name = path.Clean(name)
		if _, kept := full["./"+path.Dir(name)+"/"]; !kept && path.Dir(name) != "." {
			continue // goes with its folder
		}
		marker := path.Join(path.Dir(name), ".wh."+path.Base(name))
		if err := write(out, &tar.Header{Name: marker, Mode: 0o644}, nil); err != nil {
			return err
		}
	}
	return nil
}

func write(out *tar.Writer, header *tar.Header, content []byte) error {
	if err := out.WriteHeader(header); err != nil {
		return fmt.Errorf("%s: %w", header.Name, err)
	}
	_, err := out.Write(content)
	return err
}

// fingerprint starts with all of the entry that counts but its content. The time does not count. A hard link takes
// its target's fingerprint in: it must follow into the layer when the target does.
func fingerprint(header *tar.Header, seen map[string]string) hash.Hash {
	sum := sha256.New()
	fmt.Fprintln(sum, header.Typeflag, header.Mode, header.Uid, header.Gid, header.Linkname, header.Size,
		header.Devmajor, header.Devminor)
	if header.Typeflag == tar.TypeLink {
		fmt.Fprintln(sum, seen[header.Linkname])
	}
	return sum
}
