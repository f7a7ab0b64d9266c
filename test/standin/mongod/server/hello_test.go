// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// TestSimulatedHelloIsSentWhenThereIsNews: a client that streams hears of the primary's end at once, and is left alone
// while nothing changes.
func TestSimulatedHelloIsSentWhenThereIsNews(t *testing.T) {
	t.Parallel()
	simulate(t, 1, func(s *set) {
		s.initiate()
		var replies atomic.Int64
		monitor := &event.ServerMonitor{ServerHeartbeatSucceeded: func(e *event.ServerHeartbeatSucceededEvent) {
			if e.Awaited {
				replies.Add(1)
			}
		}}
		client := s.connect(options.Client().SetHosts([]string{s.nodes[0].host}).SetReplicaSet("rs0").
			SetAuth(*asMember()).SetServerMonitor(monitor))
		if err := client.Ping(context.Background(), nil); err != nil {
			s.Fatal(err)
		}
		time.Sleep(time.Minute)
		if n := replies.Load(); n < 4 || n > 10 {
			s.Errorf("%d replies in a minute without news, want one in ten seconds", n)
		}
		before := replies.Load()
		s.nodes[0].must(d("replSetStepDown", 60, "secondaryCatchUpPeriodSecs", 0, "force", true))
		time.Sleep(time.Millisecond)
		if n := replies.Load() - before; n == 0 {
			s.Error("nothing was heard of the step-down")
		}
	})
}
