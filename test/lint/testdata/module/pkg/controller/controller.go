// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package controller speaks to a database.
package controller

import (
	"context"
	"time"

	_ "github.com/jackc/pgx/v5" // want
)

// Wait sleeps, and lets go of its caller's context.
func Wait() context.Context {
	time.Sleep(time.Until(time.Now())) // want
	return context.Background()        // want
}
