// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package deb installs the Debian packages that an instance needs, and knows where the machine gets its packages from.
package deb
