// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// How long a trial waits before it fails.
const (
	// resumeDeadline is for writes to go on after a fault.
	resumeDeadline = 2 * time.Minute
	// recoveryDeadline is for all members to be there again after it was mended. A node that was gone for long is
	// trusted again only after a while.
	recoveryDeadline = 4 * time.Minute
)

// trial is one fault with one seed.
type trial struct {
	*database
	fault  *fault
	seed   uint64
	random *rand.Rand
	// folder keeps the trial's traces, table is where it writes.
	folder, table string
	writer        *writer
	// primary and replicas are the pods as they were before the fault, and former the life of the server that was
	// primary.
	primary  corev1.Pod
	replicas []corev1.Pod
	former   string
	// struck is when the fault began to strike, mended when it had been mended.
	struck, mended instant
	undo           func(context.Context) error
	// seen is what the primary had when all members were last known to be level, and kept what each of them had then or
	// earlier.
	seen   reading
	kept   map[key]bool
	result result
}

// newTrial draws from the seed the same for every engine.
func (db *database) newTrial(f *fault, seed uint64, folder string) *trial {
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(f.name))
	return &trial{
		database: db, fault: f, seed: seed, random: rand.New(rand.NewPCG(seed, hash.Sum64())),
		folder: filepath.Join(folder, db.engine.name(), fmt.Sprintf("%s-%d", f.name, seed)),
		table:  fmt.Sprintf("%s_%d", strings.ReplaceAll(f.name, "-", "_"), seed),
		undo:   func(context.Context) error { return nil },
		kept:   map[key]bool{},
		result: result{
			Engine: db.engine.title(), Fault: f.name, Seed: seed, Began: time.Now().UTC().Truncate(time.Second),
		},
	}
}

// run is the course of a trial. Whatever strikes is mended, also when the trial fails or is called off.
func (t *trial) run(ctx context.Context) (result, error) {
	err := t.begin(ctx)
	if err == nil {
		err = errors.Join(t.breakAndMend(ctx), t.writer.close())
		err = errors.Join(err, t.judge(ctx, err != nil))
	}
	if err != nil {
		t.result.Failure = err.Error()
	}
	return t.result, err
}

// begin has all sessions write to a healthy database for a while that the seed decides, and has every member receive.
func (t *trial) begin(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryDeadline)
	defer cancel()
	if err := errors.Join(os.RemoveAll(t.folder), os.MkdirAll(t.folder, 0o755), t.awaitReady(ctx)); err != nil {
		return err
	}
	if err := t.prepare(ctx, t.table); err != nil {
		return err
	}
	pods, err := t.members(ctx)
	if err != nil {
		return err
	}
	if t.engine.leaderless {
		t.random.Shuffle(len(pods), func(i, j int) { pods[i], pods[j] = pods[j], pods[i] })
	}
	t.primary, t.replicas = pods[0], pods[1:]
	t.random.Shuffle(len(t.replicas), func(i, j int) {
		t.replicas[i], t.replicas[j] = t.replicas[j], t.replicas[i]
	})
	inside := t.service.directly(t.primary.Status.PodIP).fromWithin(t.namespace(t.primary.Spec.NodeName))
	t.writer, err = startWriter(context.WithoutCancel(ctx), plan{
		engine: t.engine, folder: t.folder, table: t.table, service: t.service, inside: inside, seed: t.seed,
		pace: t.between(5*time.Millisecond, 40*time.Millisecond),
	})
	if err != nil {
		return err
	}
	begun := now() + instant(t.between(500*time.Millisecond, 2500*time.Millisecond))
	if err := t.writer.await(ctx, "all sessions write", func(w write) bool { return w.Begun > begun }); err != nil {
		return err
	}
	return t.awaitLevel(ctx)
}

// breakAndMend strikes, waits for the effect, mends, and waits until the database is whole.
func (t *trial) breakAndMend(ctx context.Context) error {
	t.former = t.writer.lastAck(0).Primary
	if t.engine.leaderless {
		t.former = t.writer.lastAck(insider).Primary
	}
	t.struck = now()
	err := t.strike(ctx)
	calm := context.WithoutCancel(ctx)
	err = errors.Join(err, t.undo(calm))
	t.mended = now()
	if err != nil {
		return err
	}
	return t.recover(ctx)
}

func (t *trial) strike(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, resumeDeadline+t.fault.lasts)
	defer cancel()
	if err := t.fault.strike(ctx, t); err != nil {
		return fmt.Errorf("striking: %w", err)
	}
	struck := now()
	if t.fault.lasts > 0 && !pause(ctx, t.fault.lasts) {
		return ctx.Err()
	}
	if t.fault.halts {
		return nil
	}
	if !t.fault.ends {
		struck = now()
	}
	if err := t.writer.await(ctx, "writes go on", func(w write) bool {
		return w.Begun > struck && (!t.fault.ends || w.Primary != t.former)
	}); err != nil {
		return err
	}
	// Some faults last a little longer than it takes to get over them.
	if t.random.IntN(2) == 0 && !pause(ctx, t.between(0, 3*time.Second)) {
		return ctx.Err()
	}
	return nil
}

// recover waits until every member has a row that was written after all was mended, and the operator says so too.
func (t *trial) recover(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, recoveryDeadline)
	defer cancel()
	if err := t.writer.await(ctx, "writes go on after mending", func(w write) bool {
		return w.Begun > t.mended
	}); err != nil {
		return err
	}
	if err := t.awaitReady(ctx); err != nil {
		return err
	}
	err := t.awaitLevel(ctx)
	t.result.Recovery = milliseconds(now().since(t.struck))
	return err
}

// between draws a duration.
func (t *trial) between(low, high time.Duration) time.Duration {
	return low + time.Duration(t.random.Int64N(int64(high-low)))
}
