// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Package resource breaks the rule of the pure core.
package resource

import (
	_ "context" // want
)
