// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package image

import (
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// zooKeeperHome is the vendor's /apache-zookeeper-VERSION-bin, as which build it is shows only once the image is made.
// javaHome is where the vendor's image has Java.
const (
	zooKeeperHome = "/apache-zookeeper-bin"
	javaHome      = "/opt/java/openjdk"
	debianJava    = "/usr/lib/jvm/java-17-openjdk-amd64"
)

// zooKeeperPackages are unpacked and not installed. What they depend on (fonts, sound, printers, JUnit, Jetty) are
// some forty packages, and serve nothing that runs here.
var zooKeeperPackages = []string{
	"libzookeeper-java", "zookeeper", "openjdk-17-jre-headless",
	"libslf4j-java", "libdropwizard-metrics-java", "libsnappy-java", "libnetty-java",
}

// zooKeeperJars are on the class path. The server logs to stderr by the simplest of SLF4J's back ends.
var zooKeeperJars = []string{
	"zookeeper", "zookeeper-jute", "slf4j-api", "slf4j-simple", "metrics-core", "snappy-java", "netty-buffer",
	"netty-codec", "netty-common", "netty-handler", "netty-resolver", "netty-transport",
}

// zooKeeperEnvironment is what the vendor's bin/zkEnv.sh sets for bin/zkServer.sh.
var zooKeeperEnvironment = []string{
	`ZOOCFGDIR=${ZOOCFGDIR:-${ZOO_CONF_DIR:-/conf}}`,
	`ZOOCFG=$ZOOCFGDIR/${ZOOCFG:-zoo.cfg}`,
	`ZOO_LOG_DIR=${ZOO_LOG_DIR:-/logs}`,
	`JAVA=java`,
	`CLASSPATH="$ZOOCFGDIR:$ZOOBINDIR/../lib/*"`,
	`SERVER_JVMFLAGS="-Xmx${ZK_SERVER_HEAP:-1000}m $SERVER_JVMFLAGS"`,
}

// zooKeeperLayout unpacks the packages and puts what is in them where the vendor's image has it.
var zooKeeperLayout = []string{
	`for package in "$1"/opt/*.deb; do
		dpkg-deb --extract "$package" "$1"
		{ dpkg-deb --field "$package" Package Version; echo; } >> "$1/var/lib/dpkg/status"
		rm "$package"
	done`,
	// The largest of the runtime's files that only a compiler, a heap beyond 32 GiB, or people read.
	`cd "$1` + debianJava + `" && rm -rf lib/ct.sym lib/server/classes_nocoops.jsa legal man`,
	`install -d "$1/opt/java" && ln -s ` + debianJava + ` "$1` + javaHome + `"`,
	`install -d "$1` + zooKeeperHome + `/bin" "$1` + zooKeeperHome + `/lib"`,
	`for jar in ` + strings.Join(zooKeeperJars, " ") + `; do
		ln -s "/usr/share/java/$jar.jar" "$1` + zooKeeperHome + `/lib/"
	done`,
	`ln -s /usr/share/zookeeper/bin/zkServer.sh "$1` + zooKeeperHome + `/bin/"`,
	`printf '%s\n' '` + strings.Join(zooKeeperEnvironment, `' '`) + `' > "$1` + zooKeeperHome + `/bin/zkEnv.sh"`,
	`install -d -o 101 -g 101 "$1/conf" "$1/data" "$1/datalog" "$1/logs"`,
}

// zooKeeper follows the image docker.io/library/zookeeper: zkServer.sh on PATH, with the variables that it reads, the
// folders /conf, /data, /datalog and /logs, and no USER. The user id is ClickHouse's, whose consensus it keeps where
// the vendor's image has 1000: pods of one cluster share theirs.
func zooKeeper(major string) engine {
	return engine{
		repository: "zookeeper",
		major:      major,
		suite:      "bookworm",
		packages:   append(slices.Clone(basePackages), "libstdc++6"),
		main:       zooKeeperPackages[0],
		// The archive's lists are there only until the image is cleaned up.
		beforeInstall: append(account("zookeeper", "101", "/data", "/bin/bash"),
			`cd "$1/opt" && apt-get --quiet download `+strings.Join(zooKeeperPackages, " "),
		),
		afterInstall: zooKeeperLayout,
		config: v1.Config{
			Cmd: []string{"zkServer.sh", "start-foreground"},
			Env: []string{
				"PATH=" + javaHome + "/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:" +
					zooKeeperHome + "/bin",
				"JAVA_HOME=" + javaHome, "LANG=C.UTF-8", "ZOO_CONF_DIR=/conf", "ZOO_DATA_DIR=/data",
				"ZOO_DATA_LOG_DIR=/datalog", "ZOO_LOG_DIR=/logs", "ZOO_TICK_TIME=2000", "ZOOCFGDIR=/conf",
			},
			ExposedPorts: map[string]struct{}{"2181/tcp": {}, "2888/tcp": {}, "3888/tcp": {}},
			Volumes:      map[string]struct{}{"/data": {}, "/datalog": {}, "/logs": {}},
			WorkingDir:   zooKeeperHome,
		},
	}
}
