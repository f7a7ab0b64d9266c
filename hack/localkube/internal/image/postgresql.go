// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// postgreSQL follows the image docker.io/library/postgres: user and group 999, the programs on PATH, the data
// folder, the stop signal, and no USER, so that a manifest which forgets runAsUser fails here as well. The locale is
// C.UTF-8 where the vendor has en_US.utf8.
func postgreSQL(major, suite string) engine {
	return engine{
		repository: "postgres",
		major:      major,
		suite:      suite,
		packages:   append(slices.Clone(basePackages), "postgresql-"+major),
		main:       "postgresql-" + major,
		beforeInstall: append(account("postgres", "999", "/var/lib/postgresql", "/bin/bash"),
			`install -d "$1/etc/postgresql-common"`,
			`echo create_main_cluster = false > "$1/etc/postgresql-common/createcluster.conf"`,
		),
		afterInstall: []string{
			`install -d -o 999 -g 999 -m 3777 "$1/var/run/postgresql"`,
			`install -d -o 999 -g 999 -m 1777 "$1/var/lib/postgresql" "$1/var/lib/postgresql/data"`,
		},
		config: v1.Config{
			Cmd: []string{"postgres"},
			Env: []string{
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/usr/lib/postgresql/" + major + "/bin",
				"LANG=C.UTF-8", "PG_MAJOR=" + major, "PGDATA=/var/lib/postgresql/data",
			},
			ExposedPorts: map[string]struct{}{"5432/tcp": {}},
			StopSignal:   "SIGINT",
			Volumes:      map[string]struct{}{"/var/lib/postgresql/data": {}},
		},
	}
}
