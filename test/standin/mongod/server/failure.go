// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"errors"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"
)

// code is the number of an error ("Error Codes", mongodb.com/docs/manual/reference/error-codes/).
type code int32

// The codes.
const (
	badValue                    code = 2
	failedToParse               code = 9
	unauthorized                code = 13
	authenticationFailed        code = 18
	illegalOperation            code = 20
	alreadyInitialized          code = 23
	namespaceNotFound           code = 26
	cursorNotFound              code = 43
	maxTimeMSExpired            code = 50
	commandNotFound             code = 59
	writeConcernFailed          code = 64
	invalidOptions              code = 72
	nodeNotFound                code = 74
	noReplicationEnabled        code = 76
	shutdownInProgress          code = 91
	inconsistentSetNames        code = 87
	invalidReplicaSetConfig     code = 93
	notYetInitialized           code = 94
	notSecondary                code = 95
	unsatisfiableWriteConcern   code = 100
	configIncompatible          code = 103
	configInProgress            code = 109
	commandFailed               code = 125
	cappedPositionLost          code = 136
	primarySteppedDown          code = 189
	transactionTooOld           code = 225
	notImplemented              code = 238
	exceededTimeLimit           code = 262
	currentConfigNotCommitted   code = 308
	notWritablePrimary          code = 10107
	duplicateKey                code = 11000
	interruptedAtShutdown       code = 11600
	interruptedByStateChange    code = 11602
	notPrimaryNoSecondaryOk     code = 13435
	notPrimaryOrSecondary       code = 13436
	unknownFeatureCompatibility code = badValue
)

var codeNames = map[code]string{
	badValue: "BadValue", failedToParse: "FailedToParse", unauthorized: "Unauthorized",
	authenticationFailed: "AuthenticationFailed", illegalOperation: "IllegalOperation",
	alreadyInitialized: "AlreadyInitialized", namespaceNotFound: "NamespaceNotFound", cursorNotFound: "CursorNotFound",
	maxTimeMSExpired: "MaxTimeMSExpired", commandNotFound: "CommandNotFound", writeConcernFailed: "WriteConcernFailed",
	invalidOptions: "InvalidOptions", nodeNotFound: "NodeNotFound", noReplicationEnabled: "NoReplicationEnabled",
	shutdownInProgress: "ShutdownInProgress", invalidReplicaSetConfig: "InvalidReplicaSetConfig",
	inconsistentSetNames: "InconsistentReplicaSetNames", notYetInitialized: "NotYetInitialized",
	notSecondary:              "NotSecondary",
	unsatisfiableWriteConcern: "UnsatisfiableWriteConcern",
	configIncompatible:        "NewReplicaSetConfigurationIncompatible", configInProgress: "ConfigurationInProgress",
	commandFailed: "CommandFailed", cappedPositionLost: "CappedPositionLost", primarySteppedDown: "PrimarySteppedDown",
	transactionTooOld: "TransactionTooOld", notImplemented: "NotImplemented", exceededTimeLimit: "ExceededTimeLimit",
	currentConfigNotCommitted: "CurrentConfigNotCommittedYet", notWritablePrimary: "NotWritablePrimary",
	duplicateKey: "DuplicateKey", interruptedAtShutdown: "InterruptedAtShutdown",
	interruptedByStateChange: "InterruptedDueToReplStateChange", notPrimaryNoSecondaryOk: "NotPrimaryNoSecondaryOk",
	notPrimaryOrSecondary: "NotPrimaryOrSecondary",
}

// retryable are the errors after which a driver sends a retryable write once more.
var retryable = map[code]bool{
	shutdownInProgress: true, primarySteppedDown: true, notWritablePrimary: true, interruptedAtShutdown: true,
	interruptedByStateChange: true, notPrimaryNoSecondaryOk: true, notPrimaryOrSecondary: true, exceededTimeLimit: true,
}

// failure is a command's error.
type failure struct {
	code    code
	message string
}

func (f failure) Error() string { return f.message }

func fail(c code, format string, values ...any) error {
	return failure{code: c, message: fmt.Sprintf(format, values...)}
}

// asFailure gives any error a code.
func asFailure(err error) failure {
	if f, ok := errors.AsType[failure](err); ok {
		return f
	}
	return failure{code: badValue, message: err.Error()}
}

// document is the failure in a reply: as the reply itself, or within a list of errors.
func (f failure) document() bson.D {
	return bson.D{{Key: "code", Value: int32(f.code)}, {Key: "codeName", Value: codeNames[f.code]},
		{Key: "errmsg", Value: f.message}}
}
