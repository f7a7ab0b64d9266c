// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package mongodb

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	volumes "github.com/atlasdb/atlasdb/pkg/agent/volume"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/mongodb"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// dataMode closes a directory to all but the agent's user.
const dataMode = 0o700

// mark is what the agent remembers of the volume, beside the data. The server knows which set its data is of; it does
// not know that it must never begin another.
type mark struct {
	// Member is whose volume it is: members are told apart by their host, which has that name.
	Member string `json:"member"`
	// Born is the UID of the cluster for which the directory was made empty, while nothing else is known of the data.
	Born string `json:"born,omitempty"`
	// SystemID is the identity of the replica set that the server was last seen in.
	SystemID string `json:"systemID,omitempty"`
	// Initiating says that this member was about to begin the set, and may have.
	Initiating bool `json:"initiating,omitempty"`
	// Joined says that the server was primary or secondary once, so that it has the set's data.
	Joined bool `json:"joined,omitempty"`
	// Led says that it was primary when it was seen last.
	Led bool `json:"led,omitempty"`
	// Clearing says that the data is being thrown away, for a new copy.
	Clearing bool `json:"clearing,omitempty"`
	// Rebuilt is the ID of the last request for a new copy that was carried out.
	Rebuilt string `json:"rebuilt,omitempty"`
}

// virgin says that the volume never had anything of a set of this cluster: only there may one begin (PROTOCOL I10).
func (m mark) virgin(plan engine.Plan) bool {
	return !m.Joined && m.SystemID == "" && m.Born != "" && m.Born == plan.ClusterUID
}

// volume is the member's volume: the server's data directory, and the mark beside it.
type volume struct{ volumes.Volume }

// markFile lies beside the data directory: what a new copy replaces must not take it along.
const markFile = "mongodb.mark"

func (v *volume) data() string {
	return filepath.Join(v.Root, mongodb.Engine{}.Traits().DataSubdirectory)
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
	if _, err := os.Stat(v.data()); err != nil && !m.Clearing {
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

// change reads the mark, changes it and writes it, unless it stayed the same.
func (v *volume) change(edit func(*mark)) error {
	before, found, err := v.mark()
	if err != nil {
		return err
	}
	if !found {
		return errors.New("there is no data whose mark could change")
	}
	after := before
	if edit(&after); after == before {
		return nil
	}
	return v.remember(after)
}

// prepare makes an empty data directory, and the mark last: half of it is none. Data that nobody knows of is never
// thrown away.
func (v *volume) prepare(m mark) error {
	if err := os.Mkdir(v.data(), dataMode); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("making the data directory: %w", err)
	}
	entries, err := os.ReadDir(v.data())
	if err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if len(entries) > 0 {
		return fmt.Errorf("%s is not empty, and nothing says whose it is", v.data())
	}
	if err := volumes.SyncDirectory(v.Root); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return v.remember(m)
}

// clear throws the data away for a copy that is to come. The mark says so first, so that what a crash leaves of it is
// thrown away too, before a server starts on it (finish).
func (v *volume) clear(rebuilt string) error {
	err := v.change(func(m *mark) { m.Born, m.Joined, m.Led, m.Clearing, m.Rebuilt = "", false, false, true, rebuilt })
	if err != nil {
		return err
	}
	return v.finish()
}

// finish ends what clear has begun, if that was not done.
func (v *volume) finish() error {
	if m, _, err := v.mark(); err != nil || !m.Clearing {
		return err
	}
	if err := os.RemoveAll(v.data()); err != nil {
		return fmt.Errorf("removing what was there: %w", err)
	}
	if err := os.Mkdir(v.data(), dataMode); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	if err := volumes.SyncDirectory(v.Root); err != nil {
		return fmt.Errorf("making the data directory: %w", err)
	}
	return v.change(func(m *mark) { m.Clearing = false })
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
	seen.Rebuilt, seen.Broken, seen.HasData, seen.SystemID = m.Rebuilt, !m.Joined, m.Joined, m.SystemID
	seen.Standby = m.Joined && !m.Led
	if m.Member != member {
		seen.SystemID += " of " + m.Member // foreign, although of the same cluster
	}
	return seen, nil
}
