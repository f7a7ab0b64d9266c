// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command atlasdb-operator links a database driver and the agent.
package main

import (
	"context"
	"fmt"
	"os"

	_ "github.com/jackc/pgx/v5" // want

	_ "github.com/atlasdb/atlasdb/pkg/agent" // want
)

func main() {
	fmt.Println(context.Background()) // want
	os.Exit(1)
}
