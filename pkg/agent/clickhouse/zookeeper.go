// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"path/filepath"
	"strings"
)

// vendorLibraries are the parts of a ZooKeeper in its vendor's image, javaDirectory is where Debian has those of all
// Java programs.
const (
	vendorLibraries = "/apache-zookeeper-*bin/lib/*.jar"
	javaDirectory   = "/usr/share/java"
)

// debianParts are what a ZooKeeper is made of where they lie beside those of others. Its log goes to the container's
// output as it is: the simplest of the logs that it can have needs no file.
var debianParts = []string{
	"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java", "commons-cli", "netty-*",
	"jackson-core", "jackson-databind", "jackson-annotations",
}

// zooKeeperClasses is where Java finds them.
func zooKeeperClasses(directory string) string {
	paths := glob(vendorLibraries)
	if len(paths) > 0 {
		return strings.Join(paths, ":")
	}
	for _, part := range debianParts {
		paths = append(paths, glob(filepath.Join(directory, part+".jar"))...)
	}
	return strings.Join(paths, ":")
}

// glob finds files by a pattern, which is good.
func glob(pattern string) []string {
	found, _ := filepath.Glob(pattern)
	return found
}
