// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// schedule lets operator and agents act in an order that a seed gives, and looks at every step of the operator: what it
// takes away, and what it makes.
type schedule struct {
	*agents
	t      *testing.T
	rand   *rand.Rand
	told   []string
	served map[string]bool // members that were ready once, and are wanted
	// calm: nobody but the operator takes anything away. killed: somebody took a pod away.
	calm, killed bool
	// opEpoch is the epoch in which the operation began, opShard the shard that it is about.
	opEpoch int64
	opShard int
}

func newSchedule(t *testing.T, members int32, shards *int32, seed uint64) *schedule {
	t.Helper()
	w := newWorld(t, members)
	w.snapshot.Cluster.Spec.Shards = shards
	return scheduleOf(w, seed)
}

// scheduleOf begins with a cluster that has come to rest.
func scheduleOf(w *world, seed uint64) *schedule {
	t := w.t
	t.Helper()
	s := &schedule{
		agents: w.withAgents(), t: t, rand: rand.New(rand.NewPCG(seed, 0)), served: map[string]bool{}, calm: true,
	}
	s.rest()
	return s
}

func (s *schedule) tell(format string, args ...any) {
	s.told = append(s.told, fmt.Sprintf(format, args...))
}

func (s *schedule) fail(format string, args ...any) {
	s.t.Helper()
	s.t.Fatalf("%s\n%s", fmt.Sprintf(format, args...), strings.Join(s.told, "\n"))
}

// operate is one pass of the operator that dies after some writes; negative is never. Pods that it deletes go in a turn
// of their own.
func (s *schedule) operate(dies int) bool {
	s.t.Helper()
	w := s.w
	w.snapshot.Now = metav1.NewTime(w.snapshot.Now.Add(time.Second))
	d := w.decide()
	s.look(d)
	w.crashAfter = -1
	if dies >= 0 {
		w.crashAfter = w.writes + dies
	}
	for _, g := range d.Generate {
		w.write(w.generated(g), nil)
	}
	for _, x := range d.Writes {
		s.mayMake(x)
		w.write(x.Wanted, x.Seen)
		made := w.snapshot.Objects[Ref{apply.Kind(x.Wanted), apply.Name(x.Wanted)}]
		if made != nil && made.GetCreationTimestamp() == (metav1.Time{}) {
			made.SetCreationTimestamp(w.snapshot.Now)
			s.tell("make %s %s", apply.Kind(x.Wanted), apply.Name(x.Wanted))
		}
	}
	for _, x := range d.Deletes {
		if !w.dead() {
			s.remove(d, x)
		}
	}
	w.snapshot.Members = membersOf(w.snapshot)
	busy := len(d.Generate)+len(d.Writes)+len(d.Deletes) > 0
	if !busy {
		before := w.snapshot.Cluster.Status
		w.snapshot.Cluster.Status = Status(w.snapshot, d, Outcome{})
		busy = !equality.Semantic.DeepEqual(before, w.snapshot.Cluster.Status)
	}
	s.conclude()
	return busy
}

// conclude ends a switchover that is done or was refused, as its controller would.
func (s *schedule) conclude() {
	s.t.Helper()
	op := s.w.snapshot.Operation
	if op == nil || op.Spec.Type != v1alpha1.OperationSwitchover {
		return
	}
	primary, ok := s.w.snapshot.Primary(s.opShard)
	if !ok {
		return
	}
	if !s.killed && !s.native() && s.epoch > s.opEpoch+1 {
		s.fail("one switchover made %d changes of the primary", s.epoch-s.opEpoch)
	}
	refused := primary.Report.Switchover != nil && primary.Report.Switchover.ID == string(op.UID)
	if refused || op.Switched(primary.Name) {
		s.tell("operation ends, refused: %t, primary %s", refused, primary.Name)
		s.w.snapshot.Operation = nil
	}
}

// mayMake: a pod is made only for a member that the Lease lists, when somebody is primary.
func (s *schedule) mayMake(x Write) {
	s.t.Helper()
	if apply.Kind(x.Wanted) != "Pod" || x.Seen != nil {
		return
	}
	if s.lease() == nil || s.native() {
		return
	}
	listed := s.lease().Annotations[v1alpha1.AnnotationFailsafeMembers]
	if listed != "" && !slices.Contains(strings.Split(listed, ","), apply.Name(x.Wanted)) {
		s.fail("pod %s is made, the Lease lists %s", apply.Name(x.Wanted), listed)
	}
}

// remove begins the deletion of an object.
func (s *schedule) remove(d Decision, x Deletion) {
	s.t.Helper()
	pod, ok := x.Seen.(*corev1.Pod)
	if !ok {
		s.w.drop(x.Kind, x.Seen.GetName())
		return
	}
	s.tell("delete %s: %s", pod.Name, x.Why)
	s.mayGoAmongEquals(d, pod.Name)
	if leaseMissing(s.w.snapshot) {
		s.fail("%s is deleted while there is no Lease", pod.Name)
	}
	for _, m := range s.w.snapshot.Members {
		if m.Pod != nil && m.Pod.DeletionTimestamp != nil {
			s.fail("%s is deleted while %s is going", pod.Name, m.Name)
		}
	}
	spec, name := s.w.snapshot.Cluster.Spec, pod.Name
	if shard := s.shard(name); spec.PowerState == v1alpha1.PowerRunning {
		primary, serves := s.w.snapshot.Primary(shard)
		inPlace := len(d.wantedIn(s.w.snapshot, shard)) == 1 || spec.UpdatePolicy.Primary == v1alpha1.PrimaryUpdateRestart
		leaves := shard >= resource.Shards(s.w.snapshot.Cluster)
		switch wanted := slices.Contains(d.Wanted, name); {
		case leaves && !wanted && s.slots[shard] > 0 && !s.w.plan().AbandonShards:
			s.fail("%s is deleted while its shard has data", name)
		case serves && primary.Name == name && !inPlace && !leaves:
			s.fail("the primary %s is deleted", name)
		case serves && !wanted && slices.Contains(primary.Report.Electorate, name):
			s.fail("%s is deleted while the Lease lists it", name)
		case wanted && isReady(s.w.snapshot.Member(name)) && notReady(s.w.snapshot, d.Wanted) != "":
			s.fail("%s is deleted while %s is not ready", name, notReady(s.w.snapshot, d.Wanted))
		case wanted && isReady(s.w.snapshot.Member(name)) && s.asked(d):
			s.fail("%s is deleted while %s is asked to hand over", name, d.Handover.From)
		}
	}
	pod.DeletionTimestamp = new(metav1.NewTime(s.w.snapshot.Now.Add(120 * time.Second)))
}

// asked says that the primary is asked to hand over and has not said that it cannot.
func (s *schedule) asked(d Decision) bool {
	if d.Handover == nil {
		return false
	}
	from := s.w.snapshot.Member(d.Handover.From)
	return s.w.snapshot.isPrimary(from) &&
		(from.Report.Switchover == nil || from.Report.Switchover.ID != d.Handover.ID)
}

// look holds the operator to one thing at a time, and to at most one member down.
func (s *schedule) look(d Decision) {
	s.t.Helper()
	spec := s.w.snapshot.Cluster.Spec
	if s.asked(d) && d.Restart != "" {
		s.fail("%s restarts while %s is asked to hand over", d.Restart, d.Handover.From)
	}
	if away := notReady(s.w.snapshot, d.Wanted); s.asked(d) && away != "" &&
		(strings.HasPrefix(d.Handover.ID, "scale-in") || strings.HasPrefix(d.Handover.ID, "rollout")) {
		s.fail("%s is asked to hand over (%s) while %s is not ready", d.Handover.From, d.Handover.ID, away)
	}
	var down []string
	for _, name := range d.Wanted {
		if isReady(s.w.snapshot.Member(name)) {
			s.served[name] = true
		} else if s.served[name] && !slices.Contains(spec.FencedMembers, name) {
			down = append(down, name)
		}
	}
	for name := range s.served {
		if !slices.Contains(d.Wanted, name) || slices.Contains(spec.FencedMembers, name) {
			delete(s.served, name)
		}
	}
	if spec.PowerState == v1alpha1.PowerStopped {
		clear(s.served)
		return
	}
	if s.calm && len(down) > 1 {
		s.fail("%v are down at once", down)
	}
}

// rest lets everybody act in turns until nothing is left to do.
func (s *schedule) rest() {
	s.t.Helper()
	for range 300 {
		busy := s.operate(-1)
		for _, m := range s.names() {
			busy = s.turn(m) || busy
		}
		if !busy {
			return
		}
	}
	s.fail("no rest after 300 rounds: %+v", s.w.decide())
}

func (s *schedule) names() []string { return s.w.names("Pod") }

// wander lets operator and agents act at random for a while; the operator may die after any write.
func (s *schedule) wander(steps int) {
	s.t.Helper()
	for range steps {
		switch names := s.names(); {
		case s.rand.IntN(3) == 0 || len(names) == 0:
			s.operate(s.rand.IntN(4) - 1)
		default:
			s.turn(names[s.rand.IntN(len(names))])
		}
	}
}

func (s *schedule) edit(change func(*v1alpha1.DatabaseClusterSpec)) {
	change(&s.w.snapshot.Cluster.Spec)
	s.w.snapshot.Cluster.Generation++
	s.tell("edit: %d shards, %d members, %s, %q, %v, priority %s",
		resource.Shards(s.w.snapshot.Cluster), s.w.snapshot.Cluster.Spec.Members,
		s.w.snapshot.Cluster.Spec.PowerState, s.w.snapshot.Cluster.Spec.Version,
		s.w.snapshot.Cluster.Spec.FencedMembers, s.w.snapshot.Cluster.Spec.Scheduling.PriorityClassName)
}

// gentle are the things that a user, or fate, may do at any time and that take nothing away; rough
// are all.
var gentle = []func(*schedule){
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) { spec.Members = int32(1 + s.rand.IntN(5)) })
	},
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
			spec.Scheduling.PriorityClassName = fmt.Sprint("p", s.rand.IntN(3))
		})
	},
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
			spec.PowerState = []v1alpha1.PowerState{v1alpha1.PowerRunning, v1alpha1.PowerStopped}[s.rand.IntN(2)]
		})
	},
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
			spec.FencedMembers = []string{s.someMember(s.rand.IntN(resource.Shards(s.w.snapshot.Cluster)))}
		})
	},
	func(s *schedule) {
		s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
			spec.Version = []string{spec.Version, "17.10"}[s.rand.IntN(2)]
		})
	},
	func(s *schedule) {
		s.tell("parameters wait for a restart")
		for name, life := range s.lives {
			if life.report.Role != v1alpha1.RoleUnknown && life.pod == s.w.snapshot.Objects[Ref{"Pod", name}] {
				life.report.PendingRestart = []string{"max_connections"}
				s.say(life)
			}
		}
	},
	func(s *schedule) {
		s.tell("an operation restarts everybody")
		s.w.snapshot.Operation = &v1alpha1.DatabaseOperation{
			ObjectMeta: metav1.ObjectMeta{UID: types.UID(fmt.Sprint("op-", s.rand.Int())), CreationTimestamp: s.w.snapshot.Now},
			Spec:       v1alpha1.DatabaseOperationSpec{Type: v1alpha1.OperationRestart},
		}
	},
	func(s *schedule) {
		s.tell("the ServiceAccount is made anew")
		s.w.drop("ServiceAccount", "orders-db")
	},
	func(s *schedule) {
		s.tell("the Lease is deleted")
		s.w.drop("Lease", "orders-db")
	},
	func(s *schedule) {
		s.stuck = !s.stuck
		s.tell("primaries do not hand over: %t", s.stuck)
	},
	func(s *schedule) {
		bad := fmt.Sprint("p", s.rand.IntN(3))
		s.tell("pods with %s do not come up", bad)
		s.broken = func(pod *corev1.Pod) bool {
			life := s.lives[pod.Name]
			return pod.Spec.PriorityClassName == bad && (life == nil || life.pod != pod)
		}
	},
}

// someMember is the name of a member that may be there.
func (s *schedule) someMember(shard int) string {
	return resource.MemberName(s.w.snapshot.Cluster, resource.Place{Shard: shard, Ordinal: s.rand.IntN(5)})
}

var rough = append([]func(*schedule){
	(*schedule).switchOver, (*schedule).switchOver,
	func(s *schedule) {
		if names := s.names(); len(names) > 0 {
			name := names[s.rand.IntN(len(names))]
			s.tell("pod %s is gone", name)
			s.w.drop("Pod", name)
			s.calm, s.killed = false, true
		}
	},
}, gentle...)

// switchOver asks for a switchover, with or without a target, of a primary that is there.
func (s *schedule) switchOver() {
	s.opShard = s.rand.IntN(resource.Shards(s.w.snapshot.Cluster))
	primary, ok := s.w.snapshot.Primary(s.opShard)
	if !ok || s.w.snapshot.Operation != nil {
		return
	}
	op := &v1alpha1.DatabaseOperation{
		ObjectMeta: metav1.ObjectMeta{Name: "now", UID: types.UID(fmt.Sprint("op-", s.rand.Int()))},
		Spec:       v1alpha1.DatabaseOperationSpec{Type: v1alpha1.OperationSwitchover},
		Status:     v1alpha1.DatabaseOperationStatus{StartTime: &s.w.snapshot.Now, Primary: primary.Name},
	}
	if s.native() || s.rand.IntN(2) == 0 {
		op.Spec.Switchover = &v1alpha1.SwitchoverOperation{Target: s.someMember(s.opShard)}
	}
	s.tell("a switchover from %s to %q is asked for", primary.Name, op.SwitchoverTarget())
	s.w.snapshot.Operation, s.opEpoch, s.calm = op, s.epoch, false
}

func TestAnyScheduleEndsAsTheSpecSays(t *testing.T) {
	t.Parallel()
	for seed := range uint64(schedules) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			s := newSchedule(t, int32(1+seed%5), nil, seed)
			s.live([][]func(*schedule){gentle, rough}[seed%2])
			s.mustBeRight()
		})
	}
}

// live lets some of what may happen happen, and then everything come to rest.
func (s *schedule) live(whims []func(*schedule)) {
	s.t.Helper()
	for range 6 {
		whims[s.rand.IntN(len(whims))](s)
		s.wander(s.rand.IntN(60))
	}
	s.tell("-- the end: running, nobody fenced")
	s.stuck, s.broken, s.w.snapshot.Operation = false, nil, nil
	s.edit(func(spec *v1alpha1.DatabaseClusterSpec) {
		spec.PowerState, spec.FencedMembers = v1alpha1.PowerRunning, nil
	})
	s.rest()
}

// mustBeRight holds a cluster at rest against its spec.
func (s *schedule) mustBeRight() {
	s.t.Helper()
	w := s.w
	cluster := w.snapshot.Cluster
	d := w.decide()
	for _, t := range []string{
		v1alpha1.ConditionReady, v1alpha1.ConditionUpToDate, v1alpha1.ConditionAvailable,
	} {
		if c := meta.FindStatusCondition(cluster.Status.Conditions, t); c.Status != metav1.ConditionTrue {
			s.fail("%s is %s: %s", t, c.Status, c.Message)
		}
	}
	want := int(cluster.Spec.Members)*resource.Shards(cluster) + len(wantedEnsemble(w.snapshot))
	if n := len(s.names()); n != want {
		s.fail("pods %v, want %d", s.names(), want)
	}
	if len(d.Outdated) > 0 || d.Handover != nil || d.Restart != "" {
		s.fail("outdated %v, handover %v, restart %q at rest", d.Outdated, d.Handover, d.Restart)
	}
	for shard := range resource.Shards(cluster) {
		primary, _ := w.snapshot.Primary(shard)
		if primary.Ordinal >= int(cluster.Spec.Members) && cluster.Spec.Members > 1 {
			s.fail("primary is %s of %d members", primary.Name, cluster.Spec.Members)
		}
	}
	for _, name := range d.Wanted {
		m := w.snapshot.Member(name)
		if got := m.Pod.Labels[v1alpha1.LabelBuild]; got != d.Build {
			s.fail("%s runs build %s, want %s", name, got, d.Build)
		}
		if got := m.Volume.Labels[v1alpha1.LabelBuild]; got != d.Build {
			s.fail("the volume of %s says build %s, its pod runs %s", name, got, d.Build)
		}
	}
}
