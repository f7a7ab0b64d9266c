// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package file writes files so that whoever watches them sees either the old content or the new one, and sees nothing
// when nothing changes: kube-proxy ends when its configuration is written to, and containerd reads half a file.
package file

import (
	"bytes"
	"os"
	"path/filepath"
)

// Put gives the file that content, and makes its folder. A file that has it already is not touched.
func Put(path string, content []byte, mode os.FileMode) error {
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, content) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, content, mode); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}
