// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package agent may speak to a database, and may not control clusters.
package agent

import (
	_ "github.com/jackc/pgx/v5"

	_ "github.com/atlasdb/atlasdb/pkg/controller" // want
)
