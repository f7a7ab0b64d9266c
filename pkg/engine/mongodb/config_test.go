// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// newSpec is a good spec whose members have so much memory.
func newSpec(memory string) *v1alpha1.DatabaseClusterSpec {
	return &v1alpha1.DatabaseClusterSpec{
		Engine: v1alpha1.EngineMongoDB, Version: "8.0.13", Members: 3, Durability: v1alpha1.DurabilityMajority,
		Resources: v1alpha1.ResourcesSpec{Limits: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse(memory)}},
	}
}

// p are parameters, given as names and values in turn.
func p(pairs ...string) map[string]v1alpha1.ParameterValue {
	all := map[string]v1alpha1.ParameterValue{}
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = v1alpha1.ParameterValue(pairs[i+1])
	}
	return all
}

// want1Gi is the whole file of a member with 4 GiB and two parameters.
const want4Gi = fileHeader + `net:
  bindIpAll: true
  ipv6: true
  maxIncomingConnections: 2000
  port: 27017
  tls:
    CAFile: /etc/atlasdb/tls/ca.crt
    allowConnectionsWithoutCertificates: true
    certificateKeyFile: /run/mongodb/server.pem
    clusterFile: /run/mongodb/client.pem
    disabledProtocols: TLS1_0,TLS1_1
    mode: requireTLS
  unixDomainSocket:
    enabled: false
processManagement:
  fork: false
replication:
  replSetName: rs0
security:
  authorization: enabled
  clusterAuthMode: keyFile
  javascriptEnabled: false
  keyFile: /run/mongodb/keyfile
setParameter:
  authenticationMechanisms: SCRAM-SHA-256
  cursorTimeoutMillis: 300000
  enableLocalhostAuthBypass: false
storage:
  dbPath: /var/lib/atlasdb/mongodb
  wiredTiger:
    engineConfig:
      cacheSizeGB: 1.5
`

func TestConfigure(t *testing.T) {
	t.Parallel()
	spec := newSpec("4Gi")
	spec.Parameters = p("cursorTimeoutMillis", "300000", "net.maxIncomingConnections", "2000")
	files := Engine{}.Configure(spec, "8.0.13")
	if d := cmp.Diff(want4Gi, files[ConfigFile]); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got, want := files[UpgradeFile], "{\"soakSeconds\":86400}\n"; got != want {
		t.Errorf("%s is %q, want %q", UpgradeFile, got, want)
	}
}

// TestConfigIsReadBack: every value that may stand in the file comes back as it went in, whatever it holds.
func TestConfigIsReadBack(t *testing.T) {
	t.Parallel()
	every := settingsOf(newSpec("4Gi"))
	maps.Copy(every, Settings{
		"a.text": "yes", "a.number": "12", "a.null": "null", "a.colon": "x: y # z", "a.lines": "one\ntwo: 3\n",
		"a.quotes": `"'{}[]&*!|>%@` + "`", "a.empty": "", "a.whole": int64(math.MaxInt64), "a.negative": int64(-1),
		"a.fraction": 0.25, "a.true": true, "b": false,
	})
	got, err := ParseConfig(RenderConfig(every))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(every, got); d != "" {
		t.Errorf("-written +read:\n%s", d)
	}
	for _, bad := range []string{"a: [1]", "a: b: c", "- 1"} {
		if _, err := ParseConfig(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestNoParameterTakesWhatIsOwned: what AtlasDB sets is not on the list of what a user may, but for what is named here.
func TestNoParameterTakesWhatIsOwned(t *testing.T) {
	t.Parallel()
	shared := map[string]bool{cacheSize: true, "security.javascriptEnabled": true}
	for name := range settingsOf(newSpec("4Gi")) {
		parameter := strings.TrimPrefix(name, setParameterPrefix)
		_, open := parameters[parameter]
		_, owned := ownedParameters.Reason(strings.ToLower(parameter))
		if open != shared[parameter] || (!open && !owned) {
			t.Errorf("%s: a user may set it: %v; there is a reason against it: %v", parameter, open, owned)
		}
	}
}

func TestChanges(t *testing.T) {
	t.Parallel()
	running := Settings{
		"setParameter.logLevel": int64(0), "setParameter.quiet": true, "net.maxIncomingConnections": int64(100),
		"setParameter.replWriterThreadCount": int64(4), cacheSize: 2.0, "operationProfiling.mode": "off",
	}
	wanted := Settings{
		"setParameter.logLevel": int64(1), "setParameter.notablescan": true, "net.maxIncomingConnections": int64(200),
		"setParameter.replWriterThreadCount": int64(8), cacheSize: int64(2), "operationProfiling.mode": "off",
	}
	live, restart := Changes(running, wanted)
	if d := cmp.Diff(map[string]any{"logLevel": int64(1), "notablescan": true}, live); d != "" {
		t.Errorf("live: -want +got:\n%s", d)
	}
	// quiet is wanted no more: only a start knows the server's own default.
	if d := cmp.Diff([]string{"net.maxIncomingConnections", "quiet", "replWriterThreadCount"}, restart); d != "" {
		t.Errorf("restart: -want +got:\n%s", d)
	}
	if live, restart := Changes(wanted, wanted); len(live)+len(restart) > 0 {
		t.Errorf("nothing differs, yet %v and %v", live, restart)
	}
}

// TestCacheSize holds the documented formula: half of what is beyond 1 GiB, and 0.25 GB at least.
func TestCacheSize(t *testing.T) {
	t.Parallel()
	for memory, want := range map[int64]float64{
		256 * mib: 0.25, gib: 0.25, 1536 * mib: 0.25, 2 * gib: 0.5, 4 * gib: 1.5, 64 * gib: 31.5, 3*gib + 13*mib: 1,
	} {
		if got := CacheSizeGB(memory); got != want {
			t.Errorf("%d MiB: %v GB, want %v", memory/mib, got, want)
		}
	}
}
