// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"
)

func TestSimulatedSingleMemberKeepsWhatItAcknowledged(t *testing.T) {
	simulate(t, 1, func(t *testing.T, s *set) {
		s.initiate()
		c := s.client(asMember()).Database("app").Collection("orders")
		if _, err := c.InsertOne(t.Context(), d("_id", 1, "n", 7)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.UpdateByID(t.Context(), 1, d("$inc", d("n", 1))); err != nil {
			t.Fatal(err)
		}
		s.nodes[0].kill()
		s.nodes[0].start()
		var found struct{ N int }
		if err := c.FindOne(t.Context(), d("_id", 1)).Decode(&found); err != nil || found.N != 8 {
			t.Fatalf("after a kill: %+v, %v, want n = 8", found, err)
		}
		if n, err := c.CountDocuments(t.Context(), d()); n != 1 || err != nil {
			t.Errorf("%d documents, %v, want 1", n, err)
		}
	})
}
