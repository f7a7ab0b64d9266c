// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package progress tells a person what is being done, what it took and how long it has been since the start.
package progress
