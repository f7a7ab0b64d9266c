// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package conditions breaks the rule of the pure core.
package conditions

import "time"

// Age reads the clock.
func Age(since time.Time) time.Duration {
	return time.Since(since) // want
}
