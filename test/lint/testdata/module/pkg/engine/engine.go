// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package engine breaks the rule of the pure core in a file that lies directly in its folder.
package engine

import (
	_ "context"      // want
	_ "crypto/rand"  // want
	_ "log/slog"     // want
	_ "math/rand/v2" // want
	_ "net"          // want
	_ "net/http"     // want
	_ "net/url"
	_ "os" // want
	_ "slices"
	"time"

	_ "k8s.io/client-go/applyconfigurations/core/v1"
	_ "k8s.io/client-go/kubernetes" // want
)

// Deadline may speak of durations, and not of the time of day.
func Deadline(patience time.Duration) time.Time {
	return time.Now().Add(patience) // want
}
