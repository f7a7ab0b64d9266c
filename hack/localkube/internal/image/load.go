// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
)

// ctr is containerd's client as Debian packages it.
const ctr = "/usr/bin/ctr"

// Load imports the images, given by their full names, into the containerd at the socket. A name that is there already
// moves to the new content.
func (s *Store) Load(ctx context.Context, socket string, names []string) error {
	in, out := io.Pipe()
	go func() { out.CloseWithError(s.archive(out, names)) }()
	command := exec.CommandContext(ctx, ctr, "--address", socket, "--namespace", "k8s.io", "images", "import", "-")
	command.Stdin = in
	var answer bytes.Buffer
	command.Stdout, command.Stderr = &answer, &answer
	err := command.Run()
	if err != nil {
		err = fmt.Errorf("import images: %w\n%s", err, answer.String())
	}
	// Closing ends the writer when ctr stopped reading early.
	return errors.Join(err, in.Close())
}
