// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// parameters are the server parameters that are known, with MongoDB's defaults ("MongoDB Server Parameters",
// mongodb.com/docs/manual/reference/parameters/). A value must be of the default's kind.
var parameters = map[string]any{
	"cursorTimeoutMillis":                          int64(600000),
	"localLogicalSessionTimeoutMinutes":            int64(30),
	"logLevel":                                     int64(0),
	"allowDiskUseByDefault":                        true,
	"diagnosticDataCollectionPeriodMillis":         int64(1000),
	"enableLocalhostAuthBypass":                    true,
	"notablescan":                                  false,
	"quiet":                                        false,
	"ttlMonitorEnabled":                            true,
	"ttlMonitorSleepSecs":                          int64(60),
	"transactionLifetimeLimitSeconds":              int64(60),
	"maxTransactionLockRequestTimeoutMillis":       int64(5),
	"oplogInitialFindMaxSeconds":                   int64(60),
	"periodicNoopIntervalSecs":                     int64(10),
	"replWriterThreadCount":                        int64(16),
	"initialSyncMethod":                            "logical",
	"enableFlowControl":                            true,
	"flowControlTargetLagSeconds":                  int64(10),
	"syncdelay":                                    float64(60),
	"journalCommitInterval":                        int64(100),
	"internalQueryExecMaxBlockingSortBytes":        int64(104857600),
	"internalQueryMaxBlockingSortMemoryUsageBytes": int64(104857600),
	"maxIndexBuildMemoryUsageMegabytes":            int64(200),
	"diagnosticDataCollectionEnabled":              true,
	"wiredTigerConcurrentReadTransactions":         int64(128),
	"wiredTigerConcurrentWriteTransactions":        int64(128),
	"storageEngineConcurrentReadTransactions":      int64(128),
	"storageEngineConcurrentWriteTransactions":     int64(128),
	"minSnapshotHistoryWindowInSeconds":            int64(300),
	"shutdownTimeoutMillisForSignaledShutdown":     int64(15000),
	"mirrorReads":                                  "{ samplingRate: 0.01, maxTimeMS: 1000 }",
	"enableTestCommands":                           false,
	"authenticationMechanisms":                     "SCRAM-SHA-1,SCRAM-SHA-256",
	"scramSHA256IterationCount":                    int64(15000),
	"tlsWithholdClientCertificate":                 false,
	"opensslCipherConfig":                          "",
	"tlsX509ExpirationWarningThresholdDays":        int64(30),
	"maxNumActiveUserIndexBuilds":                  int64(3),
	"maxSessions":                                  int64(1000000),
}

// atStartOnly are those that setParameter refuses.
var atStartOnly = map[string]bool{"tlsWithholdClientCertificate": true, "opensslCipherConfig": true,
	"authenticationMechanisms": true, "initialSyncMethod": true, "enableTestCommands": true,
	"enableLocalhostAuthBypass": true, "replWriterThreadCount": true,
	"maxSessions": true, "localLogicalSessionTimeoutMinutes": true}

// startParameters are the defaults with what the configuration file sets.
func startParameters(given map[string]any) (map[string]any, error) {
	values := maps.Clone(parameters)
	for name, value := range given {
		like, err := likeDefault(name, value)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrOption, err)
		}
		values[name] = like
	}
	return values, nil
}

// likeDefault gives a value the kind of the parameter.
func likeDefault(name string, value any) (any, error) {
	if number, ok := value.(float64); ok && number == math.Trunc(number) {
		value = int64(number)
	}
	switch number := value.(type) {
	case int:
		value = int64(number)
	case int32:
		value = int64(number)
	}
	standard, known := parameters[name]
	if !known {
		return nil, fail(invalidOptions, "attempted to set unrecognized parameter [%s], use help:true to see options", name)
	}
	if _, float := standard.(float64); float {
		if whole, ok := value.(int64); ok {
			value = float64(whole)
		}
	}
	// A configuration file and a command line give numbers and booleans as text too.
	if fmt.Sprintf("%T", value) != fmt.Sprintf("%T", standard) {
		return nil, fail(badValue, "invalid value for parameter %s: %v is not a %T", name, value, standard)
	}
	return value, nil
}

func (s *Server) setParameter(_ context.Context, r *request) (reply bson.D, err error) {
	var fields bson.D
	if err := bson.Unmarshal(r.body, &fields); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, f := range fields[1:] {
		if generic(f.Key) {
			continue
		}
		value, err := likeDefault(f.Key, f.Value)
		if err != nil {
			return nil, err
		}
		if atStartOnly[f.Key] {
			return nil, fail(illegalOperation, "not allowed to change [%s] at runtime", f.Key)
		}
		reply = append(reply, bson.E{Key: "was", Value: s.values[f.Key]})
		s.values[f.Key] = value
	}
	if len(reply) == 0 {
		return nil, fail(invalidOptions, "no option found to set, use help:true to see options")
	}
	return reply, nil
}

// generic says whether a field is one that any command may have.
func generic(key string) bool {
	return strings.HasPrefix(key, "$") || slices.Contains(
		[]string{"lsid", "maxTimeMS", "comment", "readConcern", "writeConcern", "txnNumber", "apiVersion"}, key)
}

// getParameter follows mongodb.com/docs/manual/reference/command/getParameter/: the names are fields of the command.
func (s *Server) getParameter(_ context.Context, r *request) (bson.D, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := maps.Clone(s.values)
	all[versionID] = bson.D{{Key: "version", Value: s.featureCompatibility()}}
	if r.text("getParameter") == "*" {
		reply := bson.D{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			reply = append(reply, bson.E{Key: name, Value: all[name]})
		}
		return reply, nil
	}
	elements, err := r.body.Elements()
	if err != nil {
		return nil, err
	}
	reply := bson.D{}
	for _, e := range elements[1:] {
		if value, known := all[e.Key()]; known {
			reply = append(reply, bson.E{Key: e.Key(), Value: value})
		}
	}
	if len(reply) == 0 {
		return nil, fail(invalidOptions, "no option found to get")
	}
	return reply, nil
}
