// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package binary

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// KubernetesVersion is the version that go.mod requires; programs say it of themselves.
const KubernetesVersion = "v1.37.2"

// ldflags stamp the version: nodes would call themselves v0.0.0-master without it, and user agents in the audit log
// v0.0.0.
const ldflags = "-s -w -X k8s.io/component-base/version.gitVersion=" + KubernetesVersion +
	" -X k8s.io/client-go/pkg/version.gitVersion=" + KubernetesVersion

// workPrefix starts the names of the folders that sets are built in.
const workPrefix = "build-"

// multiCall is the binary that is all of these programs.
const multiCall = "kube"

func programs() []string {
	return []string{
		"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl",
	}
}

// Set is a folder of built programs.
type Set struct {
	folder string
}

// Path is the path of the named program.
func (s Set) Path(program string) string { return filepath.Join(s.folder, program) }

// Built returns the set for this source if the cache has it.
func Built(cache string, source fs.FS) (Set, bool, error) {
	key, err := digest(source)
	if err != nil {
		return Set{}, false, fmt.Errorf("key of the programs: %w", err)
	}
	set := Set{folder: filepath.Join(cache, "programs", key)}
	_, err = os.Stat(set.folder)
	return set, err == nil, nil
}

// Build builds the set and links "kubectl" in the cache's bin folder to it.
func Build(ctx context.Context, cache string, source fs.FS) (Set, error) {
	set, built, err := Built(cache, source)
	if err != nil || built {
		return set, err
	}
	if err := os.MkdirAll(filepath.Dir(set.folder), 0o755); err != nil {
		return Set{}, err
	}
	work, err := os.MkdirTemp(filepath.Dir(set.folder), workPrefix)
	if err != nil {
		return Set{}, err
	}
	defer os.RemoveAll(work) //nolint:errcheck // a cache may keep rubbish
	if err := compile(ctx, work, source); err != nil {
		return Set{}, err
	}
	for _, program := range programs() {
		if err := os.Symlink(multiCall, filepath.Join(work, "bin", program)); err != nil {
			return Set{}, err
		}
	}
	if err := removeSets(filepath.Dir(set.folder)); err != nil {
		return Set{}, err
	}
	// The rename is the last step: a set that is there is complete.
	return set, os.Rename(filepath.Join(work, "bin"), set.folder)
}

// removeSets removes what was built from older sources. Daemons that run from it go on doing so.
func removeSets(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), workPrefix) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(folder, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

func compile(ctx context.Context, work string, source fs.FS) error {
	if err := os.CopyFS(filepath.Join(work, "source"), source); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, "go", "build", "-mod=readonly", "-buildvcs=false", "-ldflags", ldflags,
		"-o", filepath.Join(work, "bin")+"/", "./cmd/...")
	command.Dir = filepath.Join(work, "source")
	command.Env = append(os.Environ(), "CGO_ENABLED=0", "GOWORK=off", "GOFLAGS=")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("build the programs: %w\n%s", err, out)
	}
	return nil
}

// Link makes the cache's bin/kubectl name the set's, for people.
func (s Set) Link(cache string) error {
	path := filepath.Join(cache, "bin", "kubectl")
	if target, err := os.Readlink(path); err == nil && target == s.Path("kubectl") {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	// By rename, since somebody may be about to run it.
	fresh := path + ".new"
	if err := os.RemoveAll(fresh); err != nil {
		return err
	}
	if err := os.Symlink(s.Path("kubectl"), fresh); err != nil {
		return err
	}
	return os.Rename(fresh, path)
}

// digest names the content of the source and the Go that builds it.
func digest(source fs.FS) (string, error) {
	hash := sha256.New()
	fmt.Fprintln(hash, runtime.Version(), runtime.GOARCH, ldflags)
	err := fs.WalkDir(source, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(source, path)
		if err != nil {
			return err
		}
		fmt.Fprintf(hash, "%s %x\n", path, sha256.Sum256(content))
		return nil
	})
	return hex.EncodeToString(hash.Sum(nil))[:16], err
}
