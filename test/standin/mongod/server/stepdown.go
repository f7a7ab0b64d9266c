// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// stepDown makes the primary a secondary once another member can take over, and asks that one to
// (mongodb.com/docs/manual/reference/command/replSetStepDown/). No writes are taken meanwhile.
func (s *Server) stepDown(ctx context.Context, r *request) (bson.D, error) {
	const standardPeriod, standardCatchUp = 60, 10
	seconds, _ := r.number(r.name)
	if seconds == 0 {
		seconds = standardPeriod
	}
	catchUp, given := r.number("secondaryCatchUpPeriodSecs")
	if !given {
		catchUp = min(standardCatchUp, seconds)
	}
	if catchUp > seconds {
		return nil, fail(badValue, "secondaryCatchUpPeriodSecs (%d) must not be longer than the step-down period (%d)",
			catchUp, seconds)
	}
	heir, err := s.yield(ctx, time.Duration(seconds)*time.Second, time.Duration(catchUp)*time.Second, r.flag("force"))
	if err != nil {
		return nil, err
	}
	s.promote(ctx, heir)
	return bson.D{}, nil
}

// yield waits until a majority and an heir have everything, and in the same moment ends being the primary.
func (s *Server) yield(ctx context.Context, period, catchUp time.Duration, force bool) (heir string, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, catchUp, fail(exceededTimeLimit, "No electable secondaries caught up "+
		"within %s. Please use the replSetStepDown command with the argument {force: true} to force node to step down.",
		catchUp))
	defer cancel()
	s.mu.Lock()
	term := s.topology.Term
	err = s.mayWrite()
	s.yielding = err == nil
	s.mu.Unlock()
	if err != nil {
		return "", err
	}
	defer s.locked(func() { s.yielding = false })
	var lost error
	err = s.await(ctx, func() bool {
		if s.topology.Role != replset.Leader || s.topology.Term != term {
			lost = fail(primarySteppedDown, "stepped down meanwhile")
			return true
		}
		id, ok := s.topology.Heir()
		if ok {
			heir = s.topology.Config.Member(id).Host
			s.resign(period)
		}
		return ok
	})
	if err != nil && force {
		s.locked(func() { s.resign(period) })
		return "", nil
	}
	if err == nil {
		err = lost
	}
	return heir, err
}

// resign is the step itself. The caller holds the lock.
func (s *Server) resign(period time.Duration) {
	t, now := s.topology, time.Now()
	s.log.Info("Stepping down", "term", t.Term, "for", period.String())
	t.NotBefore = now.Add(period)
	t.StepDown()
	t.Postpone(now, offset())
	s.beatNow()
	s.notify()
}

// promote asks another member to stand for election now, so that the set is not without a primary for the election
// timeout. It need not succeed.
func (s *Server) promote(ctx context.Context, host string) {
	if host == "" {
		return
	}
	client, err := s.dial(ctx, host)
	if err != nil {
		return
	}
	defer client.Close() //nolint:errcheck // only read
	err = client.Run(ctx, "admin", bson.D{{Key: "replSetStepUp", Value: int32(1)}, {Key: "skipDryRun", Value: true}}, nil)
	if err != nil {
		s.log.Info("The heir did not step up", "host", host, "error", err.Error())
	}
}

// stepUp stands for election at once.
func (s *Server) stepUp(ctx context.Context, r *request) (bson.D, error) {
	return bson.D{}, s.elect(ctx, r.flag("skipDryRun"), &s.counters.stepUps)
}

// freeze keeps a secondary from standing for election for some seconds; 0 ends that
// (mongodb.com/docs/manual/reference/command/replSetFreeze/).
func (s *Server) freeze(_ context.Context, r *request) (reply bson.D, err error) {
	seconds, _ := r.number(r.name)
	s.locked(func() {
		t := s.topology
		switch {
		case t.Config == nil:
			err = fail(notYetInitialized, "no replset config has been received")
		case t.Role != replset.Follower:
			err = fail(notSecondary, "cannot freeze node when primary or running for election. state: %s", t.State())
		case seconds == 0:
			t.NotBefore = time.Time{}
			reply = bson.D{{Key: "info", Value: "unfreezing"}}
			s.schedule()
		default:
			t.NotBefore = time.Now().Add(time.Duration(seconds) * time.Second)
		}
	})
	return reply, err
}

// shutdown is the command; Stop is what a signal asks for.
func (s *Server) shutdown(ctx context.Context, r *request) (bson.D, error) {
	patience, given := r.number("timeoutSecs")
	if !given {
		patience = 15
	}
	err := s.quit(ctx, time.Duration(patience)*time.Second, r.flag("force"))
	return bson.D{}, err
}

// Stop hands over if it can within a second, and ends the server.
func (s *Server) Stop(ctx context.Context) {
	const patience = time.Second
	_ = s.quit(ctx, patience, true)
	<-s.closed
}

func (s *Server) quit(ctx context.Context, patience time.Duration, force bool) error {
	const period = 60 * time.Second
	s.mu.Lock()
	writable := s.topology.Writable
	s.mu.Unlock()
	if writable {
		heir, err := s.yield(ctx, period, patience, force)
		if err != nil {
			return err
		}
		brief, cancel := context.WithTimeout(ctx, time.Second)
		s.promote(brief, heir)
		cancel()
	}
	s.locked(func() { s.stopping = true })
	s.log.Info("Shutting down")
	s.end(ErrShutdown)
	return nil
}
