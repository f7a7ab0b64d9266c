// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chdb

package clickhouse

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	kresource "k8s.io/apimachinery/pkg/api/resource"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// These tests are for `make clickhouse-parse`. What answers is libchdb: the engine of ClickHouse 26.7 without a server.
// It listens nowhere and must not be given keepers, so what they prove is that a configuration is loaded and means what
// it should, and that statements parse; nothing of replication, TLS or a keeper's own configuration.

// library is a library with a configuration.
type library struct {
	in  io.WriteCloser
	out *bufio.Reader
}

// load loads a member's configuration, with users of the test's beside.
func load(t *testing.T, plan engine.Plan, users string) (*library, error) {
	t.Helper()
	folder, here := os.Getenv("ATLASDB_CHDB"), t.TempDir()
	files, err := ServerFiles(plan, plan.Members[0].Name, own)
	must(t, err)
	files["users.d/test.xml"] = users
	paths := strings.NewReplacer(DataDirectory, filepath.Join(here, "data"), resource.TLSMountPath, here)
	for file, content := range files {
		path := filepath.Join(here, file)
		must(t, os.MkdirAll(filepath.Dir(path), 0o700))
		must(t, os.WriteFile(path, []byte(paths.Replace(content)), 0o600))
	}
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "ask"), filepath.Join(folder, "libchdb.so"),
		"--config-file="+filepath.Join(here, ConfigFile))
	log, err := os.Create(filepath.Join(here, "log"))
	must(t, err)
	cmd.Stderr = log
	in, err := cmd.StdinPipe()
	must(t, err)
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	l := &library{in: in, out: bufio.NewReader(out)}
	if _, err = l.ask("SELECT 1"); err != nil {
		said, _ := os.ReadFile(log.Name())
		return nil, fmt.Errorf("%w: %s", err, said)
	}
	return l, nil
}

// connected is who the library connects as: it cannot be another than the user default.
const connected = `<clickhouse><users><default><no_password/><networks><ip>::/0</ip></networks>` +
	`<profile>application</profile><quota>default</quota><access_management>1</access_management></default></users>` +
	`</clickhouse>`

// ask gives the answer to a statement.
func (l *library) ask(statement string) (string, error) {
	if _, err := fmt.Fprintln(l.in, statement); err != nil {
		return "", err
	}
	for {
		line, err := l.out.ReadString('\n')
		if err != nil {
			return "", err
		}
		var kind string
		var length int
		if n, _ := fmt.Sscanf(line, "%s %d\n", &kind, &length); n != 2 || (kind != "ok" && kind != "error") {
			continue // the library logs to the same output
		}
		answer := make([]byte, length)
		if _, err := io.ReadFull(l.out, answer); err != nil {
			return "", err
		}
		if kind == "error" {
			return "", fmt.Errorf("%s: %s", statement, answer)
		}
		return strings.TrimSpace(string(answer)), nil
	}
}

func (l *library) must(t *testing.T, statement string) string {
	t.Helper()
	answer, err := l.ask(statement)
	must(t, err)
	return answer
}

// table gives an answer of two columns by the first.
func (l *library) table(t *testing.T, statement string) map[string]string {
	t.Helper()
	rows := map[string]string{}
	for line := range strings.Lines(l.must(t, statement)) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		rows[name] = value
	}
	return rows
}

// TestCurrentEngineLoadsTheConfiguration: what is rendered for members of all sizes is loaded, and the engine then has
// the values that were rendered.
func TestCurrentEngineLoadsTheConfiguration(t *testing.T) {
	t.Parallel()
	small := newSpec("1Gi")
	small.Resources.Limits = corev1.ResourceList{corev1.ResourceCPU: kresource.MustParse("500m")}
	specs := map[string]*v1alpha1.DatabaseClusterSpec{"less than a CPU": small}
	for _, size := range []string{"512Mi", "1Gi", "4Gi", "64Gi"} {
		specs[size] = newSpec(size)
	}
	for name, spec := range specs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			plan := planOf(newBuild, 2, 3, 0)
			plan.Files = Engine{}.Configure(spec, newBuild)
			l, err := load(t, plan, connected)
			must(t, err)
			config, err := ParseConfig(plan.Files[ConfigFile])
			must(t, err)
			has := l.table(t, "SELECT name, value FROM system.server_settings")
			// The library logs as it likes, and no server takes more than the machine has.
			delete(has, "logger.level")
			delete(has, "max_server_memory_usage")
			for name := range serverParameters {
				want, rendered := config[name]
				if got, known := has[name]; rendered && known && got != want {
					t.Errorf("%s is %q, was rendered as %q", name, got, want)
				}
			}
			tables := l.table(t, "SELECT name, value FROM system.merge_tree_settings WHERE changed")
			for name, got := range tables {
				if want := config["merge_tree."+name]; got != want {
					t.Errorf("merge_tree.%s is %q, was rendered as %q", name, got, want)
				}
			}
			if len(tables) == 0 {
				t.Error("no setting of tables reached the engine")
			}
			// It refuses every table when its pool of threads is too small for what tables wait for.
			l.must(t, "CREATE TABLE default.t (k UInt64) ENGINE = MergeTree ORDER BY k")
		})
	}
}

// TestCurrentEngineKnowsTheCluster: macros, members and profiles are those of the plan.
func TestCurrentEngineKnowsTheCluster(t *testing.T) {
	t.Parallel()
	l, err := load(t, planOf(newBuild, 2, 3, 0), connected)
	must(t, err)
	for statement, want := range map[string]string{
		"SELECT arrayStringConcat(groupArray(macro || '=' || substitution), ' ') FROM (SELECT * FROM system.macros " +
			"ORDER BY macro)": "cluster=orders replica=orders-db-0-0 shard=0",
		"SELECT count(), uniq(shard_num), any(port) FROM system.clusters WHERE cluster = 'orders'": "6\t2\t9440",
		"SELECT getSetting('insert_quorum')": "auto",
		"SELECT value FROM system.settings_profile_elements " +
			"WHERE profile_name = 'agent' AND setting_name = 'log_queries'": "0",
	} {
		if got := l.must(t, statement); got != want {
			t.Errorf("%s: got %q, want %q", statement, got, want)
		}
	}
}

// TestCurrentEngineClosesDefault: without a user of the test's the library cannot connect, since it has no other name.
func TestCurrentEngineClosesDefault(t *testing.T) {
	t.Parallel()
	_, err := load(t, planOf(newBuild, 1, 1, 0), "<clickhouse/>")
	if err == nil || !strings.Contains(err.Error(), "There is no user `default`") {
		t.Errorf("the user default was let in, or something else is wrong: %v", err)
	}
}

// TestCurrentEngineGrants: the users may do what users.xml says, and no more.
func TestCurrentEngineGrants(t *testing.T) {
	t.Parallel()
	l, err := load(t, planOf(newBuild, 1, 1, 0), connected)
	must(t, err)
	if got := l.must(t, "SHOW GRANTS FOR "+Quote(AgentUser)); !strings.Contains(got, "GRANT ALL ON *.* TO atlasdb") {
		t.Errorf("the agent may %s", got)
	}
	got := l.must(t, "SELECT DISTINCT ifNull(database, '*') FROM system.grants WHERE user_name = 'app' ORDER BY 1")
	if got != "*\nINFORMATION_SCHEMA\napp\ninformation_schema\nsystem" {
		t.Errorf("the application comes to %q", got)
	}
	got = l.must(t, "SELECT DISTINCT toString(access_type) FROM system.grants "+
		"WHERE user_name = 'app' AND database IS NULL ORDER BY 1")
	if got != "CLUSTER\nCREATE TEMPORARY TABLE\nREAD\nWRITE" {
		t.Errorf("everywhere the application may %q", got)
	}
	got = l.must(t, "SELECT DISTINCT auth_type FROM system.users WHERE name != 'default'")
	if got != "['sha256_password']" {
		t.Errorf("users prove themselves by %s", got)
	}
}

// TestCurrentEngineAgreesOnParameters: the engine has each setting of the table, and says of those that are called live
// that they can be changed without a restart.
func TestCurrentEngineAgreesOnParameters(t *testing.T) {
	t.Parallel()
	l, err := load(t, planOf(newBuild, 1, 1, 0), connected)
	must(t, err)
	has := l.table(t, "SELECT name, changeable_without_restart FROM system.server_settings")
	// These the server reads from its file, and does not list.
	unlisted := []string{"timezone", "default_session_timeout", "max_session_timeout"}
	for name, p := range serverParameters {
		changeable, known := has[name]
		if !known && !slices.Contains(unlisted, name) {
			t.Errorf("%s: the engine does not have it", name)
		}
		if p.live && changeable != "Yes" {
			t.Errorf("%s: the table calls it live, the engine says %q", name, changeable)
		}
	}
}

// TestCurrentEngineParsesEveryStatement: what AtlasDB says to a server of a current version is a statement of it.
func TestCurrentEngineParsesEveryStatement(t *testing.T) {
	t.Parallel()
	l, err := load(t, planOf(newBuild, 1, 1, 0), connected)
	must(t, err)
	for place, statement := range emitted(t) {
		if _, err := l.ask("SELECT formatQuery(" + Text(statement) + ")"); err != nil {
			t.Errorf("%s: %v", place, err)
		}
		// What is asked for exists, too; only a server has tables of keepers and of what it counts now and then.
		if strings.HasPrefix(statement, "SELECT") && strings.Contains(statement, "FROM system.") &&
			!strings.Contains(statement, "system.zookeeper") && !strings.Contains(statement, "system.asynchronous_metrics") {
			if _, err := l.ask("DESCRIBE (" + strings.Join(strings.Fields(statement), " ") + ")"); err != nil {
				t.Errorf("%s: %v", place, err)
			}
		}
		t.Logf("%s: %s", place, statement)
	}
	if _, err := l.ask("SELECT formatQuery('SYSTEM DROP NOTHING')"); err == nil {
		t.Error("the engine parses anything")
	}
}
