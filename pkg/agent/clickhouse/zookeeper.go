// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"path/filepath"
	"strings"
)

// javaDirectory is where Debian has what Java programs are made of.
const javaDirectory = "/usr/share/java"

// zooKeeperParts are what a ZooKeeper is made of. Its log goes to the container's output as it is: the simplest of the
// logs that it can have needs no file.
var zooKeeperParts = []string{
	"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java", "commons-cli", "netty-*",
	"jackson-core", "jackson-databind", "jackson-annotations",
}

// zooKeeperClasses is where Java finds them.
func zooKeeperClasses() string {
	var paths []string
	for _, part := range zooKeeperParts {
		matches, _ := filepath.Glob(filepath.Join(javaDirectory, part+".jar")) //nolint:errcheck // the patterns are good
		paths = append(paths, matches...)
	}
	return strings.Join(paths, ":")
}
