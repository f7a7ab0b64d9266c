// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package deb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// Required lists the packages that nodes and images are made with.
func Required() []string {
	return []string{
		"conntrack", "containerd", "containernetworking-plugins", "ethtool", "ipset", "iptables",
		"mmdebstrap", "runc", "socat",
	}
}

// Missing returns the packages that are not installed.
func Missing(ctx context.Context, packages []string) ([]string, error) {
	arguments := append([]string{"--show", "--showformat", "${Package} ${db:Status-Status}\n"}, packages...)
	out, err := exec.CommandContext(ctx, "dpkg-query", arguments...).Output()
	// Status 1 says that some package is unknown, which the output shows by leaving it out.
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && (!ok || exit.ExitCode() != 1) {
		return nil, fmt.Errorf("ask dpkg: %w", err)
	}
	return missing(packages, string(out)), nil
}

func missing(packages []string, listing string) []string {
	installed := map[string]bool{}
	for line := range strings.Lines(listing) {
		name, status, _ := strings.Cut(strings.TrimSpace(line), " ")
		installed[name] = status == "installed"
	}
	return slices.DeleteFunc(slices.Clone(packages), func(name string) bool { return installed[name] })
}

// Install installs the packages without starting any service of theirs: containerd's would stand beside the nodes'.
func Install(ctx context.Context, packages []string) error {
	allow, err := forbidServices()
	if err != nil {
		return err
	}
	if err := apt(ctx, "update"); err != nil {
		return errors.Join(err, allow())
	}
	err = apt(ctx, append([]string{"install", "--yes", "--no-install-recommends"}, packages...)...)
	return errors.Join(err, allow())
}

func apt(ctx context.Context, arguments ...string) error {
	command := exec.CommandContext(ctx, "apt-get", arguments...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
	if out, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("apt-get %s: %w\n%s", arguments[0], err, out)
	}
	return nil
}

const (
	policyFile = "/usr/sbin/policy-rc.d"
	// policy is asked before a package starts a service; 101 means "forbidden" (invoke-rc.d(8)).
	policy = "#!/bin/sh\nexit 101\n"
)

// forbidServices keeps packages from starting services until the returned function is called. A policy that the
// machine's owner has set stays as it is.
func forbidServices() (allow func() error, err error) {
	file, err := os.OpenFile(policyFile, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o755)
	if errors.Is(err, fs.ErrExist) {
		return func() error { return nil }, nil
	}
	if err != nil {
		return nil, err
	}
	_, err = file.WriteString(policy)
	return func() error { return os.Remove(policyFile) }, errors.Join(err, file.Close())
}
