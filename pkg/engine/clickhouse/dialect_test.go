// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import "testing"

func TestDialectOf(t *testing.T) {
	t.Parallel()
	for version, want := range map[string]string{
		"18.16.1": "18.16", "18.16": "18.16", "18": "", "18.17": "", "19.1": "", "23.8.1.1": "", "24.3.1.1": "", "24.7": "",
		"24": "24.8", "24.8": "24.8", "24.8.1.2684": "24.8", "25.3.6.56": "24.8", "25.8.4.13": "24.8", "26": "24.8",
		"17.6": "", "1": "", "": "", "x": "",
	} {
		d, known := DialectOf(version)
		if known != (want != "") || (known && d.Since != want) {
			t.Errorf("%q has the dialect of %q (known: %v), want %q", version, d.Since, known, want)
		}
	}
}

// TestDialectsDiffer: an old version is asked for nothing that it does not have.
func TestDialectsDiffer(t *testing.T) {
	t.Parallel()
	old, current := dialectFor(oldBuild), dialectFor(newBuild)
	if old.Root != "yandex" || old.Keeper != ZooKeeper || old.Grants || old.ReplicatedDatabases || old.ClusterSecret {
		t.Errorf("18.16: %+v", old)
	}
	if current.Root != "clickhouse" || current.Keeper != ClickHouseKeeper || !current.Grants || current.PlainPort {
		t.Errorf("current: %+v", current)
	}
}
