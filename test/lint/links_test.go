// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package lint

import (
	"os/exec"
	"strings"
	"testing"
)

// TestProgramsLinkNoMoreThanTheirPart looks at all packages that each program links. The operator never opens a
// connection to a database, and the agent controls no cluster: neither could even if a bug told it to.
func TestProgramsLinkNoMoreThanTheirPart(t *testing.T) {
	t.Parallel()
	const module = "github.com/atlasdb/atlasdb/"
	drivers := []string{"github.com/jackc/", "github.com/redis/", "go.mongodb.org/", "github.com/ClickHouse/"}
	for program, forbidden := range map[string][]string{
		"cmd/atlasdb-operator": append(drivers, module+"pkg/agent"),
		"cmd/atlasdb-agent":    {module + "pkg/controller", module + "pkg/consistency"},
	} {
		t.Run(program, func(t *testing.T) {
			t.Parallel()
			command := exec.CommandContext(t.Context(), "go", "list", "-deps", "./"+program)
			command.Dir = root
			output, err := command.Output()
			if err != nil {
				t.Fatalf("listing what %s links: %v", program, err)
			}
			for linked := range strings.FieldsSeq(string(output)) {
				for _, prefix := range forbidden {
					if strings.HasPrefix(linked, prefix) {
						t.Errorf("%s links %s", program, linked)
					}
				}
			}
		})
	}
}
