// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package instance

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/atlasdb/atlasdb/hack/localkube/internal/file"
)

// recordFile holds the claim inside the folder.
const recordFile = "instance.json"

// Load returns the instance as recorded in its folder; the error wraps fs.ErrNotExist when there is none.
func Load(stateRoot, name string) (Instance, error) {
	i, err := New(stateRoot, name, MaxNodes)
	if err != nil {
		return Instance{}, err
	}
	content, err := os.ReadFile(i.Path(recordFile))
	if err != nil {
		return Instance{}, fmt.Errorf("instance %s: %w", name, err)
	}
	if err := json.Unmarshal(content, &i); err != nil {
		return Instance{}, fmt.Errorf("instance %s: record: %w", name, err)
	}
	return i, nil
}

// Claim gives the instance the first index that no other holds and records it. An instance that has a record keeps it.
// inUse tells whether something on the machine already bears that index, be it of another state root.
// The caller holds the machine-wide lock until the index shows up on the machine.
func Claim(wanted Instance, inUse func(Instance) (bool, error)) (Instance, error) {
	recorded, err := Load(filepath.Dir(wanted.Folder), wanted.Name)
	if err == nil && recorded.Nodes == wanted.Nodes {
		return recorded, nil
	}
	if err == nil {
		return Instance{}, fmt.Errorf("%w: %s exists with %d nodes: take it down first",
			ErrInvalid, recorded.Name, recorded.Nodes)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return Instance{}, err
	}
	taken, err := recordedIndices(filepath.Dir(wanted.Folder))
	if err != nil {
		return Instance{}, err
	}
	for index := range MaxInstances {
		wanted.Index = index
		used, err := inUse(wanted)
		if err != nil {
			return Instance{}, err
		}
		if !used && !slices.Contains(taken, index) {
			return wanted, wanted.record()
		}
	}
	return Instance{}, fmt.Errorf("%w: all %d indices are in use", ErrInvalid, MaxInstances)
}

// recordedIndices also counts instances that are not running now, such as after a reboot.
func recordedIndices(stateRoot string) ([]int, error) {
	records, err := filepath.Glob(filepath.Join(stateRoot, "*", recordFile))
	if err != nil {
		return nil, err
	}
	var indices []int
	for _, record := range records {
		i, err := Load(stateRoot, filepath.Base(filepath.Dir(record)))
		if err != nil {
			return nil, err
		}
		indices = append(indices, i.Index)
	}
	return indices, nil
}

func (i Instance) record() error {
	content, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return file.Put(i.Path(recordFile), content, 0o644)
}
