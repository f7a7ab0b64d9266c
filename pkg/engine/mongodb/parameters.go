// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"strings"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// fixedSettings are the same for every cluster. What equals the server's default is here where AtlasDB relies on it.
func fixedSettings() Settings {
	return Settings{
		// Who may come in, and how: with TLS, from everywhere, by a user with a password. A client need not show a
		// certificate; one that it does show must be of the cluster's own authority, and for clients. So a server, which
		// shows one to other members, has a second one for that: its own is for servers only.
		"net.port":                     int64(ClientPort),
		"net.bindIpAll":                true,
		"net.ipv6":                     true,
		"net.unixDomainSocket.enabled": false,
		"net.tls.mode":                 "requireTLS",
		"net.tls.certificateKeyFile":   CertificatePath,
		"net.tls.clusterFile":          ClientCertificatePath,
		"net.tls.CAFile":               CAPath,
		"net.tls.allowConnectionsWithoutCertificates":   true,
		"net.tls.disabledProtocols":                     "TLS1_0,TLS1_1",
		"security.authorization":                        "enabled",
		"security.clusterAuthMode":                      "keyFile",
		"security.keyFile":                              KeyFilePath,
		"security.javascriptEnabled":                    false, // the server runs no code of a client's
		setParameterPrefix + "authenticationMechanisms": Mechanism,
		// Nobody comes in without a password, not even from the same machine, and not even while there is no user yet.
		setParameterPrefix + "enableLocalhostAuthBypass": false,

		"replication.replSetName": ReplicaSetName,
		"storage.dbPath":          DataDirectory,
		// The process is the agent's child. Its log goes to where it goes without a destination: the container's output.
		"processManagement.fork": false,
	}
}

// cacheSize is the size of WiredTiger's cache.
const cacheSize = "storage.wiredTiger.engineConfig.cacheSizeGB"

// settingsOf gives all settings that the members share: the fixed, the computed, and over them the user's.
func settingsOf(spec *v1alpha1.DatabaseClusterSpec) Settings {
	all := fixedSettings()
	all[cacheSize] = CacheSizeGB(memoryOf(spec))
	for name, value := range spec.Parameters {
		p, known := parameters[name]
		if !known {
			continue // Validate refuses it
		}
		if read, err := p.read(string(value)); err == nil {
			all[settingName(name)] = read
		}
	}
	return all
}

// settingName is where a parameter of the user stands: one with a dot is an option of mongod.conf, one without is a
// server parameter.
func settingName(parameter string) string {
	if strings.Contains(parameter, ".") {
		return parameter
	}
	return setParameterPrefix + parameter
}

// NeedsRestart says whether a running server cannot take a parameter over. Of what is not known here nothing is
// promised.
func NeedsRestart(parameter string) bool {
	p, known := parameters[parameter]
	return !known || p.restart
}
