// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// clickHouse follows the image docker.io/clickhouse/clickhouse-server: user and group 101, the programs in /usr/bin,
// /usr/bin/clickhouse with the program's name as its first argument, the folders, and no USER, as with PostgreSQL.
// Debian's server is a program of its own where the vendor has one for all; it is six years older than any build that
// the vendor still maintains, and has no Keeper: zooKeeper stands in for that.
func clickHouse(major string) engine {
	return engine{
		repository:    "clickhouse",
		major:         major,
		suite:         "bookworm",
		packages:      append(slices.Clone(basePackages), "clickhouse-server", "clickhouse-client", "tzdata"),
		main:          "clickhouse-server",
		beforeInstall: account("clickhouse", "101", "/var/lib/clickhouse", "/bin/false"),
		afterInstall: []string{
			`ln -s /usr/sbin/clickhouse-server "$1/usr/bin/clickhouse-server"`,
			`printf '#!/bin/sh\nprogram=$1\nshift\nexec "clickhouse-$program" "$@"\n' > "$1/usr/bin/clickhouse"`,
			`chmod 755 "$1/usr/bin/clickhouse"`,
			`install -d -o 101 -g 101 "$1/var/lib/clickhouse" "$1/var/log/clickhouse-server"`,
		},
		config: v1.Config{
			Cmd: []string{"clickhouse-server", "--config-file=/etc/clickhouse-server/config.xml"},
			Env: []string{
				"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "TZ=UTC",
				"CLICKHOUSE_CONFIG=/etc/clickhouse-server/config.xml",
			},
			ExposedPorts: map[string]struct{}{"8123/tcp": {}, "9000/tcp": {}, "9009/tcp": {}},
			Volumes:      map[string]struct{}{"/var/lib/clickhouse": {}},
		},
	}
}
