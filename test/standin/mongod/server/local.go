// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// localFile holds what MongoDB has in collections of the database "local", which is not replicated.
const localFile = "local.bson"

// local is what a member remembers for itself.
type local struct {
	// Config is local.system.replset.
	Config *replset.Config `bson:"config"`
	// Vote is local.replset.election.
	Vote replset.Vote `bson:"election"`
	// RollbackID is local.system.rollback.id: it counts how often entries were taken off the log.
	RollbackID int32 `bson:"rollbackID"`
	// Syncing says that the first copy of the data is not complete.
	Syncing bool `bson:"initialSync"`

	path string
}

func (l *local) load(path string) error {
	*l = local{Vote: replset.Vote{Candidate: replset.NoMember}, path: path}
	encoded, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = bson.Unmarshal(encoded, l)
	}
	return err
}

// save returns when the state is on the disk, wholly or not at all: a vote that is forgotten could be cast twice.
func (l *local) save() error {
	encoded, err := bson.Marshal(l)
	if err != nil {
		return err
	}
	fresh, err := os.Create(l.path + ".new")
	if err != nil {
		return err
	}
	_, err = fresh.Write(encoded)
	if err = errors.Join(err, fresh.Sync(), fresh.Close()); err != nil {
		return err
	}
	if err := os.Rename(fresh.Name(), l.path); err != nil {
		return err
	}
	return syncDirectory(filepath.Dir(l.path))
}

func syncDirectory(path string) error {
	directory, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(directory.Sync(), directory.Close())
}

// lockDirectory refuses a data directory that another process has open, as mongod.lock does.
func lockDirectory(path string) (unlock func() error, err error) {
	file, err := os.OpenFile(filepath.Join(path, "mongod.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("unable to lock the lock file %s (%w): another mongod may run on %s",
			file.Name(), err, path), file.Close())
	}
	return file.Close, nil
}
