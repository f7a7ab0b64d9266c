// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// redis follows the images docker.io/library/redis and docker.io/valkey/valkey: user and group 999, the programs in
// /usr/local/bin, Valkey's also by their Redis names, the working folder, and no USER, as with PostgreSQL. There is
// neither an entry point that would drop root nor a sentinel, and the servers' protected mode is on until the
// configuration turns it off, where the vendors compile it off.
func redis(vendor, major string, pockets ...string) engine {
	return engine{
		repository:    vendor,
		major:         major,
		suite:         "bookworm",
		pockets:       pockets,
		packages:      append(slices.Clone(basePackages), vendor+"-server", vendor+"-tools"),
		main:          vendor + "-server",
		beforeInstall: account(vendor, "999", "/home/"+vendor, "/bin/sh"),
		afterInstall: []string{
			`install -d -o 999 -g 999 "$1/data"`,
			`cd "$1/usr/bin" && for program in ` + vendor + `-*; do
				for name in "$program" "redis-${program#*-}"; do
					ln -sf "/usr/bin/$program" "$1/usr/local/bin/$name"
				done
			done`,
		},
		config: v1.Config{
			Cmd:          []string{vendor + "-server"},
			Env:          []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
			ExposedPorts: map[string]struct{}{"6379/tcp": {}},
			Volumes:      map[string]struct{}{"/data": {}},
			WorkingDir:   "/data",
		},
	}
}
