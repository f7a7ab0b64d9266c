// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/deb"
)

// engine is a database server from a Debian suite.
type engine struct {
	// repository and major make the names: localhost/REPOSITORY:MAJOR and localhost/REPOSITORY:VERSION.
	repository, major string
	suite             string
	// pockets are parts of the archive beyond those that the machine's own sources name, such as "backports".
	pockets  []string
	packages []string
	// main is the package whose version the image bears.
	main string
	// beforeInstall and afterInstall are hooks of mmdebstrap, shell lines with the root in "$1".
	beforeInstall, afterInstall []string
	config                      v1.Config
}

// excluded is left out of every image: what only people read, and PostgreSQL's JIT, which takes as much room as the
// rest of it. The provider's own library is among it, as PostgreSQL quietly runs without JIT only if that is absent.
var excluded = []string{
	"/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/i18n/*",
	"/usr/lib/x86_64-linux-gnu/libLLVM*", "/usr/lib/x86_64-linux-gnu/libz3*", "/usr/lib/llvm-*",
	"/usr/lib/postgresql/*/lib/bitcode/*", "/usr/lib/postgresql/*/lib/llvmjit*",
}

// basePackages are in every image.
var basePackages = []string{"ca-certificates"}

// account is what makes the vendor's user and group, before a package makes one of the same name with another id.
func account(name, id, home, shell string) []string {
	return []string{
		`echo ` + name + `:x:` + id + `: >> "$1/etc/group"`,
		`echo ` + name + `:x:` + id + `:` + id + `::` + home + `:` + shell + ` >> "$1/etc/passwd"`,
		`echo '` + name + `:*:19000:0:99999:7:::' >> "$1/etc/shadow"`,
	}
}

// cleanup removes what installing leaves behind and no engine reads.
const cleanup = `rm -rf "$1"/var/cache/* "$1"/var/log/* "$1"/var/lib/apt/lists/*`

func (b Builder) engine(e engine) recipe {
	return recipe{
		name: e.repository + ":" + e.major,
		key:  func() (string, error) { return e.key(), nil },
		make: func(ctx context.Context, work string) (v1.Image, []string, error) { return b.makeEngine(ctx, e, work) },
	}
}

func (b Builder) makeEngine(ctx context.Context, e engine, work string) (v1.Image, []string, error) {
	base, err := b.base(ctx, e.suite)
	if err != nil {
		return nil, nil, err
	}
	b.Say("installing %s from Debian %s, about a minute", e.main, e.suite)
	full := filepath.Join(work, "full.tar")
	if err := bootstrap(ctx, e, full); err != nil {
		return nil, nil, err
	}
	layer := filepath.Join(work, "layer.tar")
	status, err := subtract(full, base, layer)
	if err != nil {
		return nil, nil, fmt.Errorf("layer over the base: %w", err)
	}
	version, err := upstreamVersion(status, e.main)
	if err != nil {
		return nil, nil, err
	}
	image, err := assemble(e.config, base, layer)
	repository := "localhost/" + e.repository + ":"
	return image, []string{repository + e.major, repository + version}, err
}

// base returns the tar file of the suite's smallest root file system. It is kept, since a second one made later from
// the same suite would differ by an update and not be shared.
func (b Builder) base(ctx context.Context, suite string) (string, error) {
	bare := engine{suite: suite, packages: basePackages}
	path := filepath.Join(b.Store.cache, "base", suite+"-"+digest(bare.recipe()...)+".tar")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	if err := removeBases(filepath.Dir(path), suite); err != nil {
		return "", err
	}
	b.Say("making the base layer of Debian %s, about a minute", suite)
	fresh := path + ".new"
	if err := bootstrap(ctx, bare, fresh); err != nil {
		return "", err
	}
	return path, os.Rename(fresh, path)
}

// removeBases removes the suite's base layers of older recipes.
func removeBases(folder, suite string) error {
	old, err := filepath.Glob(filepath.Join(folder, suite+"-*.tar"))
	for _, path := range old {
		err = errors.Join(err, os.Remove(path))
	}
	return err
}

// bootstrap makes a root file system with the engine's packages as a tar file.
func bootstrap(ctx context.Context, e engine, out string) error {
	sources, err := deb.SourcesFor(e.suite, e.pockets...)
	if err != nil {
		return err
	}
	sourcesFile := out + ".sources"
	if err := os.WriteFile(sourcesFile, []byte(sources), 0o644); err != nil {
		return err
	}
	defer os.Remove(sourcesFile) //nolint:errcheck // a cache may keep rubbish
	command := exec.CommandContext(ctx, "mmdebstrap", append(e.recipe(), e.suite, out, sourcesFile)...)
	// A fixed time, as the layer over the base must not contain what differs only in its date.
	command.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1700000000")
	if said, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("mmdebstrap %s: %w\n%s", e.suite, err, said)
	}
	return nil
}

// key names what the image is made from, and not the versions that the archive has today: an image that is there stays
// as it is until somebody clears the cache or changes the recipe.
func (e engine) key() string {
	return digest(slices.Concat(e.recipe(), []string{e.suite}, e.pockets, []string{fmt.Sprint(e.config)})...)
}

// recipe is mmdebstrap's options for the engine.
func (e engine) recipe() []string {
	options := []string{
		"--variant=essential", "--format=tar", "--quiet", "--include=" + strings.Join(e.packages, ","),
		// What is in /run is the folder of PostgreSQL's socket.
		"--skip=cleanup/run",
	}
	for _, path := range excluded {
		options = append(options, "--dpkgopt=path-exclude="+path)
	}
	for _, hook := range e.beforeInstall {
		options = append(options, "--essential-hook="+hook)
	}
	for _, hook := range append([]string{cleanup}, e.afterInstall...) {
		options = append(options, "--customize-hook="+hook)
	}
	return options
}

var versionPattern = regexp.MustCompile(`^(?:\d+:)?([0-9][0-9.]*)`)

// upstreamVersion reads the package's version from dpkg's status file: "17.6" of "17.6-1.pgdg13+1".
func upstreamVersion(status, name string) (string, error) {
	for stanza := range strings.SplitSeq(status, "\n\n") {
		if !strings.HasPrefix(stanza, "Package: "+name+"\n") {
			continue
		}
		for line := range strings.Lines(stanza) {
			version, ok := strings.CutPrefix(line, "Version: ")
			if match := versionPattern.FindStringSubmatch(version); ok && match != nil {
				return match[1], nil
			}
		}
	}
	return "", fmt.Errorf("%w: package %s is not in the root file system", ErrUnknown, name)
}

func digest(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:16]
}
