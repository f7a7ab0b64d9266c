// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"testing"
)

func TestSimulatedSingleMemberKeepsWhatItAcknowledged(t *testing.T) {
	t.Parallel()
	simulate(t, 1, func(s *set) {
		s.initiate()
		c := s.client(asMember()).Database("app").Collection("orders")
		if _, err := c.InsertOne(s.Context(), d("_id", 1, "n", 7)); err != nil {
			s.Fatal(err)
		}
		if _, err := c.UpdateByID(s.Context(), 1, d("$inc", d("n", 1))); err != nil {
			s.Fatal(err)
		}
		s.nodes[0].kill()
		s.nodes[0].start()
		var found struct{ N int }
		if err := c.FindOne(s.Context(), d("_id", 1)).Decode(&found); err != nil || found.N != 8 {
			s.Fatalf("after a kill: %+v, %v, want n = 8", found, err)
		}
		if n, err := c.CountDocuments(s.Context(), d()); n != 1 || err != nil {
			s.Errorf("%d documents, %v, want 1", n, err)
		}
	})
}
