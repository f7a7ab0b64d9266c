// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"
)

// others are the members that are not the primary.
func (s *set) others(primary *node) (others []*node) {
	for _, n := range s.nodes {
		if n != primary {
			others = append(others, n)
		}
	}
	return others
}

// code is the number of a command's error, or 0.
func code(err error) int32 {
	failed, _ := errors.AsType[mongo.CommandError](err)
	return failed.Code
}

func TestSimulatedHandover(t *testing.T) {
	t.Parallel()
	simulate(t, 3, func(s *set) {
		s.initiate()
		s.grow()
		old := s.primary()
		heir, frozen := s.others(old)[0], s.others(old)[1]
		frozen.must(d("replSetFreeze", 60))
		if _, err := frozen.run(d("replSetStepUp", 1)); code(err) != 125 {
			s.Errorf("a frozen member that is to step up: %v, want CommandFailed", err)
		}
		if _, err := old.run(d("replSetFreeze", 60)); code(err) != 95 {
			s.Errorf("freezing the primary: %v, want NotSecondary", err)
		}
		s.eventually("the primary steps down", func() bool {
			_, err := old.run(d("replSetStepDown", 60, "secondaryCatchUpPeriodSecs", 10))
			return err == nil
		})
		s.eventually("the heir is the primary", func() bool { return heir.hello()["isWritablePrimary"] == true })
		s.eventually("the old one follows", func() bool { return old.hello()["primary"] == heir.host })
		if _, err := old.run(d("replSetStepDown", 60)); code(err) != 10107 {
			s.Errorf("a secondary that is to step down: %v, want NotWritablePrimary", err)
		}
	})
}

// TestSimulatedStepDownNeedsAnHeir leaves the primary alone with one member that has no vote.
func TestSimulatedStepDownNeedsAnHeir(t *testing.T) {
	t.Parallel()
	simulate(t, 1, func(s *set) {
		s.initiate()
		_, err := s.primary().run(d("replSetStepDown", 10, "secondaryCatchUpPeriodSecs", 1))
		if code(err) != 262 {
			s.Errorf("%v, want ExceededTimeLimit", err)
		}
		if hello := s.nodes[0].hello(); hello["isWritablePrimary"] != true {
			s.Errorf("after a refused step-down: %v", hello)
		}
	})
}

// TestSimulatedRollback has a primary take writes that no other member has, and comes back after another has led.
func TestSimulatedRollback(t *testing.T) {
	t.Parallel()
	simulate(t, 3, func(s *set) {
		s.initiate()
		s.grow()
		old := s.primary()
		others := s.others(old)
		for _, n := range others {
			n.kill()
		}
		alone := options.Collection().SetWriteConcern(writeconcern.W1())
		lone := old.client(asMember()).Database("app").Collection("orders", alone)
		if _, err := lone.InsertOne(s.Context(), d("_id", "lost")); err != nil {
			s.Fatal(err)
		}
		old.kill()
		for _, n := range others {
			n.start()
		}
		s.primary()
		kept := s.client(asMember()).Database("app").Collection("orders")
		if _, err := kept.InsertOne(s.Context(), d("_id", "kept")); err != nil {
			s.Fatal(err)
		}
		old.start()
		s.eventually("the old primary is back", func() bool { return old.hello()["secondary"] == true })
		s.sameEverywhere()
		own := old.client(asMember()).Database("app").Collection("orders")
		for id, want := range map[string]int64{"lost": 0, "kept": 1} {
			if n, err := own.CountDocuments(s.Context(), d("_id", id)); n != want || err != nil {
				s.Errorf("%s: %d documents, %v, want %d", id, n, err, want)
			}
		}
	})
}

// TestSimulatedPrimaryWithoutMajority steps down, and acknowledges nothing meanwhile.
func TestSimulatedPrimaryWithoutMajority(t *testing.T) {
	t.Parallel()
	simulate(t, 3, func(s *set) {
		s.initiate()
		s.grow()
		old := s.primary()
		for _, n := range s.others(old) {
			n.kill()
		}
		ctx, cancel := context.WithTimeout(s.Context(), 10*time.Second)
		defer cancel()
		_, err := old.client(asMember()).Database("app").Collection("orders").InsertOne(ctx, d("_id", 1))
		if err == nil {
			s.Error("a write was acknowledged without a majority")
		}
		s.eventually("it is a secondary", func() bool {
			hello := old.hello()
			return hello["secondary"] == true && hello["isWritablePrimary"] == false
		})
	})
}

func TestSimulatedMembersComeAndGo(t *testing.T) {
	t.Parallel()
	simulate(t, 3, func(s *set) {
		s.initiate()
		s.grow()
		if _, err := s.primary().run(d("replSetInitiate", d("_id", "rs0", "version", 1,
			"members", bson.A{d("_id", 0, "host", s.primary().host)}))); code(err) != 23 {
			s.Errorf("initiating twice: %v, want AlreadyInitialized", err)
		}
		removed := s.others(s.primary())[0]
		s.reconfigure(func(c bson.M) {
			var kept bson.A
			for _, m := range c["members"].(bson.A) {
				if m.(bson.D)[1].Value != removed.host {
					kept = append(kept, m)
				}
			}
			c["members"] = kept
		})
		s.eventually("it knows that it is removed", func() bool {
			_, err := removed.run(d("replSetGetStatus", 1))
			return code(err) == 93
		})
		if hello := removed.hello(); hello["setName"] != nil || hello["secondary"] != false {
			s.Errorf("hello of a removed member: %v", hello)
		}
	})
}

func TestSimulatedUsers(t *testing.T) {
	t.Parallel()
	simulate(t, 1, func(s *set) {
		s.initiate()
		users := s.client(asMember()).Database("admin").Collection("system.users")
		// The verifier of the password "pencil" with this salt (RFC 7677, section 3).
		if _, err := users.InsertOne(s.Context(), d("_id", "admin.app", "user", "app", "db", "admin",
			"credentials", d("SCRAM-SHA-256", d("iterationCount", 4096,
				"salt", "W22ZaJ0SNY7soEsUEjb6gQ==", "storedKey", "WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=",
				"serverKey", "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=")),
			"roles", bson.A{d("role", "readWrite", "db", "app")})); err != nil {
			s.Fatal(err)
		}
		login := &options.Credential{AuthSource: "admin", Username: "app", Password: "pencil"}
		app := s.client(login)
		if _, err := app.Database("app").Collection("orders").InsertOne(s.Context(), d("_id", 1)); err != nil {
			s.Errorf("own database: %v", err)
		}
		if _, err := app.Database("other").Collection("orders").InsertOne(s.Context(), d("_id", 1)); code(err) != 13 {
			s.Errorf("another database: %v, want Unauthorized", err)
		}
		if err := app.Database("admin").RunCommand(s.Context(), d("replSetGetConfig", 1)).Err(); code(err) != 13 {
			s.Errorf("administration: %v, want Unauthorized", err)
		}
		wrong := *login
		wrong.Password = "pen"
		if err := s.client(&wrong).Ping(s.Context(), readpref.Primary()); err == nil {
			s.Error("a wrong password was taken")
		}
	})
}
