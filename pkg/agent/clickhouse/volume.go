// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package clickhouse

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/clickhouse"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// dataMode closes a directory to all but the agent's user, secretMode a file.
const (
	dataMode   = 0o700
	secretMode = 0o600
)

// mark is whose data a volume has. The server does not know: its files name tables, and no cluster.
type mark struct {
	// SystemID is the identity of the data, Member whose it is: its name is that of its replicas in the keepers' tree, and
	// two servers of one name would destroy each other's.
	SystemID string `json:"systemID"`
	Member   string `json:"member"`
	Shard    int    `json:"shard"`
	// Schooled says that the member once had every table that its siblings had. From then on it is told of changes, and
	// what it lacks was dropped.
	Schooled bool `json:"schooled,omitempty"`
	// Joined says that the keepers once had a quorum: of a cluster that is being born nobody misses it.
	Joined bool `json:"joined,omitempty"`
	// Rebuilt is the ID of the last request for a new copy that was carried out.
	Rebuilt string `json:"rebuilt,omitempty"`
}

// volume is a member's volume: the directory of its server, and the mark beside that.
type volume struct{ volumes.Volume }

// markFile lies beside the data directory: whoever empties that must not forget whose the volume is.
const markFile = "clickhouse.mark"

func (v *volume) data() string {
	return filepath.Join(v.Root, clickhouse.Engine{}.Traits().DataSubdirectory)
}
func (v *volume) file(name string) string { return filepath.Join(v.Root, name) }

// mark reads the mark; there is none, and no data, before the first was made.
func (v *volume) mark() (m mark, found bool, err error) {
	encoded, err := os.ReadFile(v.file(markFile))
	if errors.Is(err, fs.ErrNotExist) {
		return m, false, nil
	}
	if err == nil {
		err = json.Unmarshal(encoded, &m)
	}
	if err != nil {
		return mark{}, false, fmt.Errorf("reading the mark of the volume: %w", err)
	}
	if _, err := os.Stat(v.data()); err != nil {
		return mark{}, false, fmt.Errorf("there is a mark of data, and no data: %w", err)
	}
	return m, true, nil
}

// remember writes the mark, and returns when it is on the disk.
func (v *volume) remember(m mark) error {
	encoded, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding the mark of the volume: %w", err)
	}
	return volumes.WriteDurably(v.file(markFile), encoded)
}

// joined says whether the keepers had a quorum once.
func (v *volume) joined() bool {
	m, _, err := v.mark()
	return err == nil && m.Joined
}

// join notes that the keepers have a quorum, once.
func (v *volume) join() error {
	m, found, err := v.mark()
	if err != nil || !found || m.Joined {
		return err
	}
	m.Joined = true
	return v.remember(m)
}

// initialise makes an empty data directory for a member of the plan, and the mark last: half of it is none. Data that
// nobody knows of is never thrown away.
func (v *volume) initialise(plan engine.Plan, member engine.PlanMember) error {
	id := plan.SystemID
	if id == "" {
		drawn := make([]byte, 8)
		_, _ = rand.Read(drawn) // it never fails
		id = hex.EncodeToString(drawn)
	}
	if err := os.Mkdir(v.data(), dataMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if entries, err := os.ReadDir(v.data()); err != nil || len(entries) > 0 {
		return fmt.Errorf("%s is not empty, and nothing says whose it is: %w", v.data(), errors.Join(err, fs.ErrExist))
	}
	if err := volumes.SyncDirectory(v.Root); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	// The first of all has nobody to learn tables from.
	return v.remember(mark{SystemID: id, Member: member.Name, Shard: member.Shard, Schooled: plan.SystemID == ""})
}

// replace throws the data away and leaves a mark of new data. What a crash leaves in between has no mark, and is thrown
// away again: the directory is renamed first, so that it is never taken for somebody's.
func (v *volume) replace(m mark) error {
	old := v.data() + ".old"
	if err := os.RemoveAll(old); err != nil {
		return fmt.Errorf("removing former data: %w", err)
	}
	if err := os.Rename(v.data(), old); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("putting the data aside: %w", err)
	}
	if err := os.Mkdir(v.data(), dataMode); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := errors.Join(volumes.SyncDirectory(v.Root), v.remember(m)); err != nil {
		return err
	}
	return os.RemoveAll(old)
}

// observe looks at what lies on the volume of a member.
func (v *volume) observe(member string) (runbook.Volume, error) {
	seen := runbook.Volume{Locked: v.Lock != nil}
	if !seen.Locked {
		return seen, nil
	}
	m, found, err := v.mark()
	if err != nil || !found {
		return seen, err
	}
	seen.HasData, seen.SystemID, seen.Exact, seen.Rebuilt = true, m.SystemID, true, m.Rebuilt
	if m.Member != member {
		seen.SystemID += " of " + m.Member // foreign, although of the same cluster
	}
	return seen, nil
}
