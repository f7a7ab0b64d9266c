// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/document"
	"github.com/atlasdb/atlasdb/test/standin/mongod/oplog"
)

// Two documents of the set are settings of it: where they are is MongoDB's own choice, and a member that copies the
// data has them with it.
const (
	versionNamespace  = "admin.system.version"
	versionID         = "featureCompatibilityVersion"
	defaultsNamespace = "config.settings"
	defaultsID        = "ReadWriteConcernDefaults"
)

// ErrIncompatibleData is returned for data that this version must not open. mongod exits with 62 then.
var ErrIncompatibleData = errors.New("data files are incompatible with this version")

// upgrades says which version may open data of which feature compatibility, beside its own.
var upgrades = map[string]string{"7.0": "6.0", "8.0": "7.0", "6.0": "5.0"}

// setting is one of these documents, or nil.
func (s *Server) setting(namespace, id string) bson.Raw {
	key, err := document.Value(id)
	if err != nil {
		return nil
	}
	return s.oplog.Documents.Get(namespace, key)
}

// put makes the operation that writes one of these documents.
func (s *Server) put(namespace, id string, fields bson.D) (oplog.Entry, error) {
	whole, err := bson.Marshal(append(bson.D{{Key: "_id", Value: id}}, fields...))
	e := oplog.Entry{Op: oplog.Insert, Namespace: namespace, Object: whole}
	if err == nil && s.setting(namespace, id) != nil {
		e.Op = oplog.Update
		e.Object2, err = idOf(whole)
	}
	return e, err
}

// featureCompatibility is the version whose features the set may use: that of the data, not that of the program.
func (s *Server) featureCompatibility() string {
	if found := s.setting(versionNamespace, versionID); found != nil {
		version, _ := found.Lookup("version").StringValueOK()
		return version
	}
	return s.options.Major()
}

func (s *Server) checkFeatureCompatibility() error {
	major, of := s.options.Major(), s.featureCompatibility()
	if of != major && of != upgrades[major] {
		return fmt.Errorf("%w: featureCompatibilityVersion is %s, and version %s needs %s or %s",
			ErrIncompatibleData, of, s.options.Version, upgrades[major], major)
	}
	return nil
}

// setFeatureCompatibility follows mongodb.com/docs/manual/reference/command/setFeatureCompatibilityVersion/.
func (s *Server) setFeatureCompatibility(ctx context.Context, r *request) (bson.D, error) {
	wanted, major := r.text(r.name), s.options.Major()
	if wanted != major && wanted != upgrades[major] {
		return nil, fail(unknownFeatureCompatibility, "invalid feature compatibility version %q: allowed are %s and %s",
			wanted, major, upgrades[major])
	}
	if major >= "7.0" && !r.flag("confirm") {
		return nil, fail(7369100, "setFeatureCompatibilityVersion needs confirm: true, since downgrading "+
			"may need support's assistance")
	}
	var at mark
	var err error
	s.locked(func() {
		if err = s.mayWrite(); err != nil || s.featureCompatibility() == wanted {
			at = s.mark()
			return
		}
		var e oplog.Entry
		if e, err = s.put(versionNamespace, versionID, bson.D{{Key: "version", Value: wanted}}); err == nil {
			err = s.write(e)
		}
		at = s.mark()
	})
	if err != nil {
		return nil, err
	}
	return bson.D{}, s.acknowledge(ctx, concern{majority: true}, at)
}

// defaults are what holds for commands that name no concern.
type defaults struct {
	writeConcern, readConcern bson.Raw
	stored                    bson.Raw
}

func (s *Server) defaults() defaults {
	implicitWrite, _ := bson.Marshal(bson.D{{Key: "w", Value: "majority"}, {Key: "wtimeout", Value: int32(0)}})
	implicitRead, _ := bson.Marshal(bson.D{{Key: "level", Value: "local"}})
	d := defaults{writeConcern: implicitWrite, readConcern: implicitRead,
		stored: s.setting(defaultsNamespace, defaultsID)}
	if set, ok := d.stored.Lookup("defaultWriteConcern").DocumentOK(); ok {
		d.writeConcern = set
	}
	if set, ok := d.stored.Lookup("defaultReadConcern").DocumentOK(); ok {
		d.readConcern = set
	}
	return d
}

// getDefaultConcern follows mongodb.com/docs/manual/reference/command/getDefaultRWConcern/.
func (s *Server) getDefaultConcern(context.Context, *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.defaults()
	source := func(field string) string {
		if d.stored.Lookup(field).Type != 0 {
			return "global"
		}
		return "implicit"
	}
	return bson.D{
		{Key: "defaultReadConcern", Value: d.readConcern}, {Key: "defaultWriteConcern", Value: d.writeConcern},
		{Key: "defaultWriteConcernSource", Value: source("defaultWriteConcern")},
		{Key: "defaultReadConcernSource", Value: source("defaultReadConcern")},
		{Key: "localUpdateWallClockTime", Value: time.Now()}}, nil
}

// setDefaultConcern follows mongodb.com/docs/manual/reference/command/setDefaultRWConcern/.
func (s *Server) setDefaultConcern(ctx context.Context, r *request) (bson.D, error) {
	if r.body.Lookup("defaultWriteConcern").Type == 0 && r.body.Lookup("defaultReadConcern").Type == 0 {
		return nil, fail(badValue, "at least one of defaultReadConcern and defaultWriteConcern must be present")
	}
	if w := r.document("defaultWriteConcern"); len(w) > 5 && w.Lookup("w").Type == 0 {
		return nil, fail(badValue, "a default write concern must say w")
	}
	var at mark
	var err error
	s.locked(func() {
		if err = s.mayWrite(); err != nil {
			return
		}
		d := s.defaults()
		if w := r.document("defaultWriteConcern"); len(w) > 5 {
			d.writeConcern = complete(w, "wtimeout", int32(0))
		}
		fields := bson.D{{Key: "defaultWriteConcern", Value: d.writeConcern}}
		if level := r.document("defaultReadConcern"); len(level) > 5 {
			fields = append(fields, bson.E{Key: "defaultReadConcern", Value: level})
		}
		var e oplog.Entry
		if e, err = s.put(defaultsNamespace, defaultsID, fields); err == nil {
			err = s.write(e)
		}
		at = s.mark()
	})
	if err == nil {
		err = s.acknowledge(ctx, concern{majority: true}, at)
	}
	if err != nil {
		return nil, err
	}
	return s.getDefaultConcern(ctx, r)
}

// complete adds a field that is not there.
func complete(raw bson.Raw, key string, value any) bson.Raw {
	var d bson.D
	if raw.Lookup(key).Type != 0 || bson.Unmarshal(raw, &d) != nil {
		return raw
	}
	whole, err := bson.Marshal(append(d, bson.E{Key: key, Value: value}))
	if err != nil {
		return raw
	}
	return whole
}
