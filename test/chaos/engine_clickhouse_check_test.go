// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"errors"
	"fmt"
	"io"
	"testing"

	ch "github.com/ClickHouse/clickhouse-go/v2"
)

// A refusal that was none hides a row that nobody asked for; an unknown outcome that was a refusal hides nothing.
func TestJudgeClickHouse(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		err  error
		want outcome
	}{
		"no error":               {nil, acked},
		"table is read-only":     {&ch.Exception{Code: 242}, refused},
		"too few replicas":       {&ch.Exception{Code: 285}, refused},
		"an earlier write waits": {fmt.Errorf("wrapped: %w", &ch.Exception{Code: 286}), refused},
		"quorum not in time":     {&ch.Exception{Code: 159}, unknown},
		"unknown status":         {&ch.Exception{Code: 319}, unknown},
		"the Keeper failed":      {&ch.Exception{Code: 999}, unknown},
		"broken connection":      {io.ErrUnexpectedEOF, unknown},
		"something else":         {errors.New("the connection was lost"), unknown},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			if got := judgeClickHouse(tt.err); got != tt.want {
				t.Errorf("%v is %s, want %s", tt.err, got, tt.want)
			}
		})
	}
}
