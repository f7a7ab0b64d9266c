// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package daemon starts long-lived programs that outlive the command which started them, each in a control group and
// network namespace of its own.
//
// The program is started through this very executable (the hidden command "enter"), which joins group and namespace
// and then becomes the program: a crash in between cannot leave a process outside its group.
package daemon
