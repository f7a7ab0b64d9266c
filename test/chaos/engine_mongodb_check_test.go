// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"errors"
	"io"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver"
)

// A refusal that was none hides a row that nobody asked for.
func TestJudgeMongoDB(t *testing.T) {
	t.Parallel()
	notWritablePrimary, interrupted := driver.Error{Code: 10107}, driver.Error{Code: 11602}
	failed := errors.New("the driver gave up")
	for what, tt := range map[string]struct {
		err      error
		attempts []error
		want     outcome
	}{
		"acknowledged":                   {nil, []error{nil}, acked},
		"acknowledged when tried again":  {nil, []error{io.ErrUnexpectedEOF, nil}, acked},
		"never sent":                     {failed, nil, refused},
		"sent to a secondary":            {failed, []error{notWritablePrimary}, refused},
		"sent to two secondaries":        {failed, []error{notWritablePrimary, notWritablePrimary}, refused},
		"no answer, then to a secondary": {failed, []error{io.ErrUnexpectedEOF, notWritablePrimary}, unknown},
		"interrupted by a step-down":     {failed, []error{interrupted}, unknown},
		"no majority has it yet":         {mongo.WriteException{}, []error{nil}, unknown},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if got := judgeMongoDB(tt.err, tt.attempts); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestLifeOfMongoDBIsItsTerm(t *testing.T) {
	t.Parallel()
	election := bson.ObjectID{0x7f, 0xff, 0xff, 0xff, 10: 1, 11: 0x70}
	if got := lifeOf(election); got != "primary of term 368" {
		t.Error(got)
	}
}
