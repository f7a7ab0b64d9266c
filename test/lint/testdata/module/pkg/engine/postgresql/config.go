// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package postgresql breaks the rule of the pure core one folder down.
package postgresql

import (
	_ "os/exec" // want

	_ "github.com/jackc/pgx/v5" // want
)
