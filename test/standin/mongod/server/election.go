// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package server

import (
	"context"
	"math/rand/v2"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/atlasdb/atlasdb/test/standin/mongod/replset"
)

// offset is the part of the election timeout that one member waits longer than another, so that they do not all stand.
func offset() float64 {
	const limit = 0.15
	return rand.Float64() * limit
}

// watchElection looks whether it is time to stand for election, or for a primary without a majority to step down.
func (s *Server) watchElection(ctx context.Context) {
	const most, least = 500 * time.Millisecond, 10 * time.Millisecond
	for wait := least; pause(ctx, wait); {
		if s.due() {
			if err := s.elect(ctx, false, &s.counters.timeouts); err != nil {
				s.log.Info("Not elected", "reason", err.Error())
			}
		}
		s.mu.Lock()
		wait = min(max(time.Until(s.topology.ElectionDue), least), most)
		s.mu.Unlock()
		if wait == least {
			wait = most / 5
		}
	}
}

func (s *Server) due() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, now := s.topology, time.Now()
	if t.Own() == nil {
		return false
	}
	if t.Role == replset.Leader {
		if !t.HearsMajority(now) {
			s.log.Warn("Stepping down: no majority of the voters answers", "term", t.Term)
			t.StepDown()
			t.Postpone(now, offset())
			s.notify()
		}
		return false
	}
	if now.Before(t.ElectionDue) {
		return false
	}
	t.Postpone(now, offset())
	return t.Unelectable(now) == ""
}

// elect stands for election: a dry run first, unless that is to be skipped, then in a term of its own.
func (s *Server) elect(ctx context.Context, skipDryRun bool, counted *elections) error {
	counted.called.Add(1)
	trial, err := s.nominate()
	if err != nil {
		return err
	}
	defer s.locked(func() { s.electing = false })
	if !skipDryRun && !s.poll(ctx, trial) {
		return fail(commandFailed, "Election failed: no majority in the dry run in term %d", trial.Term)
	}
	ballot, err := s.stand(trial.Term)
	if err != nil {
		return err
	}
	won := s.poll(ctx, ballot)
	s.locked(func() { won = s.finish(ballot, won) })
	if !won {
		return fail(commandFailed, "Election failed: no majority in term %d", ballot.Term)
	}
	counted.won.Add(1)
	return nil
}

// nominate is the ballot of a dry run. Of two elections that are asked for at once, only the first is held.
func (s *Server) nominate() (trial replset.Ballot, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reason := s.topology.Unelectable(time.Now())
	if s.electing {
		reason = "an election is under way"
	}
	if reason != "" {
		return trial, fail(commandFailed, "Election failed: %s", reason)
	}
	s.electing = true
	trial = s.topology.Ballot()
	trial.DryRun = true
	return trial, nil
}

// stand writes the own vote down before anybody hears of it.
func (s *Server) stand(term int64) (ballot replset.Ballot, err error) {
	s.locked(func() {
		t := s.topology
		if reason := t.Unelectable(time.Now()); reason != "" || t.Term != term {
			err = fail(commandFailed, "Election failed: things have changed since the dry run: %s", reason)
			return
		}
		ballot = t.Stand()
		s.local.Vote = t.LastVote
		err = s.local.save()
	})
	return ballot, err
}

// finish makes the candidate the primary, or a follower again. The caller holds the lock.
func (s *Server) finish(b replset.Ballot, won bool) bool {
	t := s.topology
	if t.Role != replset.Candidate || t.Term != b.Term {
		return false
	}
	if !won {
		t.StepDown()
		return false
	}
	s.log.Info("Elected", "term", t.Term)
	t.Lead(time.Now())
	s.beatNow()
	term := t.Term
	s.spawn(func(ctx context.Context) { s.takeOver(ctx, term) })
	return true
}

// poll asks the voters, and returns as soon as the answer is certain.
func (s *Server) poll(ctx context.Context, b replset.Ballot) bool {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.mu.Lock()
	c, self := s.topology.Config, s.topology.Self
	s.mu.Unlock()
	answers, asked, votes := make(chan replset.Answer, len(c.Members)), 0, 0
	for _, m := range c.Members {
		switch {
		case m.Votes == 0:
		case m.ID == self:
			votes++
		default:
			asked++
			go func() { answers <- s.requestVote(ctx, m.Host, b) }()
		}
	}
	for ; asked > 0 && votes < c.Majority(); asked-- {
		answer := <-answers
		if answer.Granted {
			votes++
		}
		s.locked(func() { s.topology.AdoptTerm(answer.Term) })
	}
	return votes >= c.Majority()
}

func (s *Server) requestVote(ctx context.Context, host string, b replset.Ballot) (answer replset.Answer) {
	client, err := s.dial(ctx, host)
	if err != nil {
		return replset.Answer{Reason: err.Error()}
	}
	defer client.Close() //nolint:errcheck // only read
	command := bson.D{{Key: "replSetRequestVotes", Value: int32(1)}, {Key: "setName", Value: b.Set},
		{Key: "dryRun", Value: b.DryRun}, {Key: "term", Value: b.Term}, {Key: "candidateIndex", Value: b.Candidate},
		{Key: "configVersion", Value: b.ConfigVersion}, {Key: "configTerm", Value: b.ConfigTerm},
		{Key: "lastAppliedOpTime", Value: b.LastApplied}}
	if err := client.Run(ctx, "admin", command, &answer); err != nil {
		return replset.Answer{Reason: err.Error()}
	}
	if !answer.Granted {
		s.log.Info("Vote refused", "by", host, "reason", answer.Reason)
	}
	return answer
}

// requestVotes answers a candidate. A vote is on the disk before the candidate hears of it.
func (s *Server) requestVotes(_ context.Context, r *request) (bson.D, error) {
	var b replset.Ballot
	if err := bson.Unmarshal(r.body, &b); err != nil {
		return nil, fail(failedToParse, "%v", err)
	}
	var answer replset.Answer
	var err error
	s.locked(func() {
		if s.topology.Config == nil {
			answer = replset.Answer{Term: s.topology.Term, Reason: "no configuration yet"}
			return
		}
		answer = s.topology.Consider(b)
		if answer.Granted && !b.DryRun {
			s.topology.Postpone(time.Now(), offset())
			s.local.Vote = s.topology.LastVote
			err = s.local.save()
		}
	})
	return bson.D{{Key: "term", Value: answer.Term}, {Key: "voteGranted", Value: answer.Granted},
		{Key: "reason", Value: answer.Reason}}, err
}
