// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package config

import (
	"bytes"
	"embed"
	"fmt"
	"text/template"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/file"
)

//go:embed templates
var files embed.FS

// Render fills the named template; an unknown field is an error.
func Render(name string, data any) ([]byte, error) {
	parsed, err := template.New(name).Option("missingkey=error").ParseFS(files, "templates/"+name)
	if err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, data); err != nil {
		return nil, fmt.Errorf("template %s: %w", name, err)
	}
	return out.Bytes(), nil
}

// Write renders the named template to a file, with its folder.
func Write(path, name string, data any) error {
	content, err := Render(name, data)
	if err != nil {
		return err
	}
	return file.Put(path, content, 0o644)
}
