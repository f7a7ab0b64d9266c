// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/config"
)

const (
	containerd   = "/usr/bin/containerd"
	seedPatience = 30 * time.Second
	seedInterval = 50 * time.Millisecond
)

// Seed returns a containerd folder that has the images, given by their full names, imported and unpacked.
func (b Builder) Seed(ctx context.Context, names []string) (string, error) {
	key, err := b.Store.contentKey(names)
	if err != nil {
		return "", err
	}
	folder := filepath.Join(b.Store.cache, "seeds", key)
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	b.Say("unpacking %v once for all nodes", names)
	// Older seeds are of no use any more; nodes hold links of their own to what they still need.
	if err := os.RemoveAll(filepath.Dir(folder)); err != nil {
		return "", err
	}
	work := folder + ".new"
	if err := b.unpack(ctx, work, names); err != nil {
		return "", fmt.Errorf("unpack images: %w", err)
	}
	return folder, os.Rename(filepath.Join(work, "root"), folder)
}

// contentKey names the content behind the names.
func (s *Store) contentKey(names []string) (string, error) {
	entries, err := s.entries()
	if err != nil {
		return "", err
	}
	var parts []string
	for _, entry := range entries {
		if name := entry.Annotations[nameAnnotation]; slices.Contains(names, name) {
			parts = append(parts, name, entry.Digest.String())
		}
	}
	slices.Sort(parts)
	return digest(parts...), nil
}

// unpack runs a containerd of its own for as long as the import takes.
func (b Builder) unpack(ctx context.Context, work string, names []string) error {
	settings := config.Containerd{
		Root: filepath.Join(work, "root"), State: filepath.Join(work, "state"),
		Socket: filepath.Join(work, "containerd.sock"), CNI: filepath.Join(work, "cni"),
	}
	file := filepath.Join(work, "containerd.toml")
	if err := config.Write(file, "containerd.toml", settings); err != nil {
		return err
	}
	daemon := exec.CommandContext(ctx, containerd, "--config", file, "--log-level", "warn")
	if err := daemon.Start(); err != nil {
		return err
	}
	err := waitForFile(ctx, settings.Socket)
	if err == nil {
		err = b.Store.Load(ctx, settings.Socket, names)
	}
	// Asked politely, it closes its databases before they are copied.
	err = errors.Join(err, daemon.Process.Signal(syscall.SIGTERM))
	_ = daemon.Wait() // its status says only that it was asked
	return err
}

func waitForFile(ctx context.Context, path string) error {
	ctx, cancel := context.WithTimeout(ctx, seedPatience)
	defer cancel()
	tick := time.NewTicker(seedInterval)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); err == nil || !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", path, context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Plant fills a node's new containerd folder from the seed. Files are linked and not copied: containerd never writes
// to content or to a committed snapshot again. Its databases it does write, so those are copied.
func Plant(ctx context.Context, seed, folder string) error {
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	fresh := folder + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	copyTree := exec.CommandContext(ctx, "cp", "--archive", "--link", seed, fresh)
	if out, err := copyTree.CombinedOutput(); err != nil {
		return fmt.Errorf("link seed: %w\n%s", err, out)
	}
	databases, err := filepath.Glob(filepath.Join(fresh, "*", "*.db"))
	if err != nil {
		return err
	}
	for _, database := range databases {
		if err := unlink(database); err != nil {
			return fmt.Errorf("copy database: %w", err)
		}
	}
	return os.Rename(fresh, folder)
}

// unlink gives a linked file content of its own.
func unlink(path string) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil {
		return err
	}
	return os.WriteFile(path, content, 0o600)
}
