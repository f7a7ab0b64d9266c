// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package cgroup keeps an instance's processes in control groups of its own, which makes the kernel the register of
// them: whatever crashed when, all processes of an instance are found below its group and nothing else is, so that
// there are no pid files that could name a stranger's process after a reboot.
//
// Only the first version's hierarchies (one mount per controller) are supported.
//
// Read tree.go, then kill.go.
package cgroup
