// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
)

// TestSimulatedSetLosesNothingAcknowledged kills the primary while an application writes, three times.
func TestSimulatedSetLosesNothingAcknowledged(t *testing.T) {
	t.Parallel()
	simulate(t, 3, func(s *set) {
		s.initiate()
		s.grow()
		orders := s.client(asMember()).Database("app").Collection("orders")
		w := startWriter(s.Context(), orders)
		for range 3 {
			w.more(s, 20)
			killed := s.primary()
			began := time.Now()
			killed.kill()
			s.primary()
			// Twice the election timeout.
			if took := time.Since(began); took > 10*time.Second {
				s.Errorf("a new primary after %s", took)
			}
			w.more(s, 20)
			killed.start()
			s.eventually("the killed member is back", func() bool { return killed.hello()["secondary"] == true })
		}
		for _, id := range w.stop() {
			n, err := orders.CountDocuments(s.Context(), d("_id", id, "n", 1))
			if n != 1 || err != nil {
				s.Errorf("order %d was acknowledged: found %d times (%v), want once, counted once", id, n, err)
			}
		}
		s.sameEverywhere()
	})
}

// writer inserts orders, and counts each up once: an update that is carried out twice shows.
type writer struct {
	acknowledged chan int32
	done         []int32
	cancel       context.CancelFunc
}

func startWriter(ctx context.Context, c *mongo.Collection) *writer {
	ctx, cancel := context.WithCancel(ctx)
	w := &writer{acknowledged: make(chan int32, 100000), cancel: cancel}
	go func() {
		defer close(w.acknowledged)
		// Time passes only while nobody has anything to do.
		for id := int32(0); ctx.Err() == nil; id++ {
			time.Sleep(50 * time.Millisecond)
			if _, err := c.InsertOne(ctx, d("_id", id)); err != nil {
				continue
			}
			if _, err := c.UpdateByID(ctx, id, d("$inc", d("n", 1))); err != nil {
				continue
			}
			w.acknowledged <- id
		}
	}()
	return w
}

func (w *writer) more(s *set, n int) {
	s.Helper()
	for range n {
		select {
		case id := <-w.acknowledged:
			w.done = append(w.done, id)
		case <-time.After(deadline):
			s.Fatal("no write was acknowledged")
		}
	}
}

func (w *writer) stop() []int32 {
	w.cancel()
	for id := range w.acknowledged {
		w.done = append(w.done, id)
	}
	return w.done
}

// sameEverywhere waits until all members have the same log.
func (s *set) sameEverywhere() {
	s.Helper()
	s.eventually("all members have the same", func() bool {
		var last bson.D
		for i, n := range s.nodes {
			status, err := n.run(d("replSetGetStatus", 1))
			if err != nil {
				return false
			}
			at := status["optimes"].(bson.D)[4].Value.(bson.D)
			if i > 0 && at.String() != last.String() {
				return false
			}
			last = at
		}
		return true
	})
}
