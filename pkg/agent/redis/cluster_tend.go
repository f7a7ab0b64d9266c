// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package redis

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	goredis "github.com/redis/go-redis/v9"

	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/engine/redis"
	"github.com/atlasdb/atlasdb/pkg/engine/runbook"
)

// Tend keeps the running server as the plan says, and does what the member has to do for its cluster.
func (d *ClusterDriver) Tend(ctx context.Context, plan engine.Plan, o runbook.Observation) (runbook.Tended, error) {
	t, err := d.Driver.Tend(ctx, plan, o)
	if err != nil {
		return t, err
	}
	for _, do := range []func(context.Context, engine.Plan) error{d.enforce, d.join, d.keepForm} {
		if err := do(ctx, plan); err != nil {
			return t, err
		}
	}
	t.More, err = d.move(ctx)
	return t, err
}

// enforce makes a server refuse writes while fewer replicas are there than the plan asks for. Replicas have it too, for
// the moment in which they are primary.
func (d *ClusterDriver) enforce(ctx context.Context, plan engine.Plan) error {
	me, _ := plan.Member(d.options.Member)
	if q := plan.QuorumOf(me.Shard); !q.Equal(d.run.quorum) {
		return d.Enforce(ctx, q)
	}
	return nil
}

// join notes that the member has its part of the cluster's data. The initialiser does when every slot has an owner, and
// gives the data its identity with that; the others when the plan has taken it over.
func (d *ClusterDriver) join(_ context.Context, plan engine.Plan) error {
	leads := d.view.Joined && d.view.Leads()
	id := plan.SystemID
	if id == "" && plan.Initialiser == d.options.Member {
		random := make([]byte, 8)
		_, _ = rand.Read(random) // it never fails
		id = hex.EncodeToString(random)
	}
	return d.volume.change(func(s *state) {
		if s.Copying && id != "" && d.view.Formed() {
			s.SystemID, s.Copying = id, false
		}
		s.Led, s.Exact = leads, false
	})
}

const (
	// moveFor is how long slots are moved in one go: probes and watches must not wait.
	moveFor = 500 * time.Millisecond
	// moveWithin bounds one move.
	moveWithin = 10 * time.Second
)

// move does what there is to do, and says whether there is more: slots move one at a time.
func (d *ClusterDriver) move(ctx context.Context) (more bool, err error) {
	for begun := time.Now(); ; {
		moves := d.view.Moves()
		for _, m := range moves {
			if err := d.carryOut(ctx, m); errors.Is(err, errCrossing) {
				return true, nil
			} else if err != nil {
				return false, fmt.Errorf("%s %s%s: %w", m.Kind, m.Member.Name, m.Node, err)
			}
		}
		more = slices.ContainsFunc(moves, func(m redis.Move) bool { return m.Kind == redis.Send })
		if !more || time.Since(begun) > moveFor {
			return more, nil
		}
		if err := d.look(ctx, d.view.Plan, d.view.Joined); err != nil {
			return false, err
		}
	}
}

func (d *ClusterDriver) carryOut(ctx context.Context, m redis.Move) error {
	ctx, cancel := context.WithTimeout(ctx, moveWithin)
	defer cancel()
	switch m.Kind {
	case redis.Meet:
		return d.meet(ctx, m.Member)
	case redis.Forget:
		return d.client.ClusterForget(ctx, m.Node).Err()
	case redis.Follow:
		return d.client.ClusterReplicate(ctx, m.Node).Err()
	case redis.Settle:
		return setSlot(ctx, d.client, m.Slots[0], "STABLE")
	case redis.Claim:
		return d.at(m.Member, func(c *goredis.Client) error { return claim(ctx, c, m.Slots) })
	case redis.Remind:
		return d.at(m.Member, func(c *goredis.Client) error {
			err := setSlot(ctx, c, m.Slots[0], "MIGRATING", m.Node)
			if said, refused := refusal(err); refused && strings.HasPrefix(said, "I'm not the owner") {
				return nil // it has given the slot away meanwhile
			}
			return err
		})
	case redis.Send:
		return d.at(m.Member, func(c *goredis.Client) error { return d.sendAll(ctx, m, c) })
	}
	return errors.New("nobody knows how")
}

// claim gives a server slots that nobody owns. That it has them already, others have yet to hear.
func claim(ctx context.Context, at *goredis.Client, slots []int) error {
	err := at.ClusterAddSlots(ctx, slots...).Err()
	if said, refused := refusal(err); refused && strings.HasSuffix(said, "is already busy") {
		return nil
	}
	return err
}

// at does something at another member's server.
func (d *ClusterDriver) at(m engine.PlanMember, do func(*goredis.Client) error) error {
	if m.Name == d.options.Member {
		return do(d.client)
	}
	client, err := d.reach.to(m)
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	return do(client)
}

// meet tells the server where another member is. One that has no address is not there yet.
func (d *ClusterDriver) meet(ctx context.Context, m engine.PlanMember) error {
	address, ok := d.reach.address(ctx, m.Host)
	if !ok {
		return nil
	}
	return d.client.ClusterMeet(ctx, address, strconv.Itoa(redis.ClientPort)).Err()
}

// keysAtOnce is how many keys move with one command.
const keysAtOnce = 100

// sendAll moves slots to a receiver that knows whose they are. One that has just joined may not have heard it, and
// would never hear it of a slot that it imports [seen]: it then serves nobody who asks for it.
func (d *ClusterDriver) sendAll(ctx context.Context, m redis.Move, receiver *goredis.Client) error {
	nodes, err := nodesOf(ctx, receiver)
	if err != nil {
		return err
	}
	me := d.view.Myself().ID
	mine := slices.IndexFunc(nodes, func(n redis.Node) bool { return n.ID == me })
	for _, slot := range m.Slots {
		if mine < 0 || !slices.Contains(nodes[mine].Slots, slot) {
			return setSlot(ctx, receiver, slot, "STABLE")
		}
		if err := d.send(ctx, m, slot, receiver); err != nil {
			return err
		}
	}
	return nil
}

// errCrossing says that slots move at one end of a way in the other direction.
var errCrossing = errors.New("slots move in the other direction")

// begin announces at both ends that a slot moves, and only then looks whether one of them does the opposite. Nobody
// sends who receives: a slot that came makes the epoch of its new owner the highest, and if that one just then gave
// another slot away, it would be believed to own it still by everybody but itself, and nobody would serve it [seen].
// That two agents have different plans for a moment is enough for it. Who announces first and looks then is seen by
// the other, or sees the other.
func (d *ClusterDriver) begin(ctx context.Context, m redis.Move, slot int, receiver *goredis.Client) error {
	me := d.view.Myself()
	if err := setSlot(ctx, receiver, slot, "IMPORTING", me.ID); err != nil {
		return err
	}
	if err := setSlot(ctx, d.client, slot, "MIGRATING", m.Node); err != nil {
		return err
	}
	there, err := nodeOf(ctx, receiver)
	if err != nil {
		return err
	}
	here, err := nodeOf(ctx, d.client)
	if err != nil {
		return err
	}
	if len(there.Migrating) == 0 && len(here.Importing) == 0 {
		return nil
	}
	if _, resumed := me.Migrating[slot]; resumed {
		return errCrossing // some of its keys may be there already; the other way is given up
	}
	return errors.Join(errCrossing, setSlot(ctx, receiver, slot, "STABLE"), setSlot(ctx, d.client, slot, "STABLE"))
}

// nodeOf is a server's own node.
func nodeOf(ctx context.Context, at *goredis.Client) (redis.Node, error) {
	nodes, err := nodesOf(ctx, at)
	return redis.Cluster{Nodes: nodes}.Myself(), err
}

// nodesOf is the cluster as a server sees it.
func nodesOf(ctx context.Context, at *goredis.Client) ([]redis.Node, error) {
	text, err := at.ClusterNodes(ctx).Result()
	if err != nil {
		return nil, fmt.Errorf("asking a server for its cluster: %w", err)
	}
	return redis.ParseNodes(text)
}

// send moves one slot: both ends are told, then the keys go, then the slot changes hands, at the receiver first, so
// that at no time nobody owns it. A key that came before and was not struck here is the newer one here: it was not
// served there.
func (d *ClusterDriver) send(ctx context.Context, m redis.Move, slot int, receiver *goredis.Client) error {
	if err := d.begin(ctx, m, slot, receiver); err != nil {
		return err
	}
	for {
		keys, err := d.client.ClusterGetKeysInSlot(ctx, slot, keysAtOnce).Result()
		if err != nil {
			return fmt.Errorf("listing the keys of slot %d: %w", slot, err)
		}
		if len(keys) == 0 {
			break
		}
		if err := d.sendKeys(ctx, m.Member, keys); err != nil {
			return fmt.Errorf("moving the keys of slot %d: %w", slot, err)
		}
	}
	if err := setSlot(ctx, receiver, slot, "NODE", m.Node); err != nil {
		return err
	}
	return setSlot(ctx, d.client, slot, "NODE", m.Node)
}

func (d *ClusterDriver) sendKeys(ctx context.Context, to engine.PlanMember, keys []string) error {
	password, err := d.replicationPassword()
	if err != nil {
		return err
	}
	address, ok := d.reach.address(ctx, to.Host)
	if !ok {
		return fmt.Errorf("%s has no address", to.Host)
	}
	arguments := []any{
		"MIGRATE", address, redis.ClientPort, "", 0, moveWithin.Milliseconds(), "REPLACE",
		"AUTH2", redis.ReplicationUser, password, "KEYS",
	}
	for _, key := range keys {
		arguments = append(arguments, key)
	}
	return d.client.Do(ctx, arguments...).Err()
}

func setSlot(ctx context.Context, at *goredis.Client, slot int, how ...any) error {
	return at.Do(ctx, append([]any{"CLUSTER", "SETSLOT", slot}, how...)...).Err()
}
