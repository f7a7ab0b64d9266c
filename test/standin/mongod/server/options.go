// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/xdg-go/scram"
	"sigs.k8s.io/yaml"

	"github.com/atlasdb/atlasdb/test/standin/mongod/wire"
)

// ErrOption is returned for a configuration file that mongod would refuse, or that asks for what is not simulated.
var ErrOption = errors.New("configuration file")

// Options are what a server is started with.
type Options struct {
	// Version is the one that it says it is, such as "7.0.24".
	Version string
	// Path is the data directory, Listen the address.
	Path, Listen string
	// SetName is the name that a set must have for this server to be in it.
	SetName string
	// CertificateFile holds a key and a certificate, CAFile whom to trust; without them there is no TLS.
	CertificateFile, CAFile string
	// Parameters are the server parameters; Parsed is the file as it was written, and File its path.
	Parameters map[string]any
	Parsed     map[string]any
	File       string

	// Dial connects to other members.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)

	// secret is the key for logging in to others, member what others are checked against.
	secret *scram.Client
	member scram.StoredCredentials
}

// Major is the version without its patch, such as "7.0".
func (o *Options) Major() string {
	parts := strings.SplitN(o.Version, ".", 3)
	return strings.Join(parts[:min(2, len(parts))], ".")
}

// file are the keys that matter to the stand-in ("Configuration File Options",
// mongodb.com/docs/manual/reference/configuration-options/). The others are shown by getCmdLineOpts.
type file struct {
	Net struct {
		Port      int    `json:"port"`
		BindIP    string `json:"bindIp"`
		BindIPAll bool   `json:"bindIpAll"`
		TLS       struct {
			Mode               string `json:"mode"`
			CertificateKeyFile string `json:"certificateKeyFile"`
			CAFile             string `json:"CAFile"`
		} `json:"tls"`
	} `json:"net"`
	Security struct {
		KeyFile       string `json:"keyFile"`
		Authorization string `json:"authorization"`
	} `json:"security"`
	Storage struct {
		DBPath string `json:"dbPath"`
	} `json:"storage"`
	Replication struct {
		ReplSetName string `json:"replSetName"`
	} `json:"replication"`
	SetParameter map[string]any `json:"setParameter"`
}

// sections are the top-level keys of the manual; another is an error, as it is to mongod.
var sections = map[string]bool{"systemLog": true, "processManagement": true, "cloud": true, "net": true,
	"security": true, "storage": true, "operationProfiling": true, "replication": true, "sharding": true,
	"auditLog": true, "snmp": true, "setParameter": true}

// ReadOptions reads a configuration file.
func ReadOptions(path, version string) (Options, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return Options{}, err
	}
	f, parsed := file{}, map[string]any{}
	if err := errors.Join(yaml.Unmarshal(content, &f), yaml.Unmarshal(content, &parsed)); err != nil {
		return Options{}, fmt.Errorf("%w: %s: %w", ErrOption, path, err)
	}
	whole(parsed)
	for section := range parsed {
		if !sections[section] {
			return Options{}, fmt.Errorf("%w: %s: unrecognized option: %s", ErrOption, path, section)
		}
	}
	if parsed["sharding"] != nil {
		return Options{}, fmt.Errorf("%w: sharding is not simulated", ErrOption)
	}
	o := Options{Version: version, Path: f.Storage.DBPath, Listen: f.listen(), SetName: f.Replication.ReplSetName,
		CertificateFile: f.Net.TLS.CertificateKeyFile, CAFile: f.Net.TLS.CAFile, Parsed: parsed, File: path,
		Dial: (&net.Dialer{}).DialContext}
	if f.Net.TLS.Mode == "" || f.Net.TLS.Mode == "disabled" {
		o.CertificateFile, o.CAFile = "", ""
	}
	return o, o.complete(f)
}

// whole gives back the whole numbers that reading YAML has made others of.
func whole(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for key, below := range v {
			v[key] = whole(below)
		}
	case float64:
		if v == math.Trunc(v) && math.Abs(v) <= math.MaxInt32 {
			return int32(v)
		}
	}
	return value
}

func (f *file) listen() string {
	port, host := f.Net.Port, f.Net.BindIP
	if port == 0 {
		port = 27017
	}
	if host == "" {
		host = "127.0.0.1"
	}
	if f.Net.BindIPAll {
		host = ""
	}
	return fmt.Sprintf("%s:%d", strings.Split(host, ",")[0], port)
}

// complete checks what must be there, and reads the keyfile.
func (o *Options) complete(f file) (err error) {
	if o.SetName == "" || f.Security.KeyFile == "" {
		return fmt.Errorf("%w: only a member of a replica set with a keyfile is simulated: "+
			"replication.replSetName and security.keyFile are required", ErrOption)
	}
	if info, err := os.Stat(o.Path); err != nil || !info.IsDir() {
		return fmt.Errorf("%w: data directory %s not found", ErrOption, filepath.Clean(o.Path))
	}
	key, err := readKey(f.Security.KeyFile)
	if err != nil {
		return err
	}
	if o.Parameters, err = startParameters(f.SetParameter); err != nil {
		return err
	}
	if o.secret, err = wire.Secret(key); err != nil {
		return err
	}
	o.member, err = memberVerifier(o.secret)
	return err
}

// readKey leaves white space out, and refuses a file that others can read, as mongod does ("Keyfile Security",
// mongodb.com/docs/manual/core/security-internal-authentication/).
func readKey(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("%w: permissions on %s are too open", ErrOption, path)
	}
	content, err := os.ReadFile(path)
	key := strings.Join(strings.Fields(string(content)), "")
	const least, most = 6, 1024
	if err == nil && (len(key) < least || len(key) > most) {
		err = fmt.Errorf("%w: %s must have %d to %d characters", ErrOption, path, least, most)
	}
	return key, err
}
