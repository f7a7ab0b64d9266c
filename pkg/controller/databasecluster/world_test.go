// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	k8sresource "k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// plainEngine is a test double: an engine without rules, that elects by itself when it has shards.
type plainEngine struct{ errs field.ErrorList }

func (plainEngine) Traits() engine.Traits {
	return engine.Traits{
		Type: v1alpha1.EnginePostgreSQL, Provider: "postgresql", URIScheme: "postgresql", URIOptions: "sslmode=require",
		Database: "app", ClientPort: 5432, DataSubdirectory: "pgdata",
	}
}
func (plainEngine) Topology(spec *v1alpha1.DatabaseClusterSpec) engine.Topology {
	if spec.Shards == nil {
		return engine.Topology{Leadership: engine.LeadershipLease}
	}
	return engine.Topology{Leadership: engine.LeadershipElected}
}
func (e plainEngine) Validate(*v1alpha1.DatabaseClusterSpec) field.ErrorList { return e.errs }
func (plainEngine) Configure(spec *v1alpha1.DatabaseClusterSpec, build string) map[string]string {
	return map[string]string{"conf": build + string(spec.Parameters["x"])}
}
func (plainEngine) NextMajor(string) string                     { return "" }
func (plainEngine) Locale(*v1alpha1.DatabaseClusterSpec) string { return "" }
func (plainEngine) Verifier(uid, user, password string) string  { return uid + user + password }

// world is a test double of an API server for pure tests: it carries out decisions on objects in memory.
type world struct {
	t        *testing.T
	snapshot Snapshot
	// crashAfter is after how many more writes the operator dies; negative means never.
	crashAfter int
	writes     int
}

func newWorld(t *testing.T, members int32) *world {
	t.Helper()
	return &world{t: t, crashAfter: -1, snapshot: Snapshot{
		Cluster: &v1alpha1.DatabaseCluster{
			ObjectMeta: metav1.ObjectMeta{Name: "orders", Namespace: "shop", UID: "uid-2", Generation: 1},
			Spec: v1alpha1.DatabaseClusterSpec{
				Engine: v1alpha1.EnginePostgreSQL, Version: "17", Members: members,
				Storage:    v1alpha1.StorageSpec{Size: k8sresource.MustParse("1Gi")},
				Durability: v1alpha1.DurabilityMajority, PowerState: v1alpha1.PowerRunning,
				Reconciliation: v1alpha1.ReconciliationActive, DeletionPolicy: v1alpha1.DeletionRetain,
			},
		},
		Offer: &v1alpha1.DatabaseEngine{
			ObjectMeta: metav1.ObjectMeta{Name: "postgresql"},
			Spec: v1alpha1.DatabaseEngineSpec{
				Engine: v1alpha1.EnginePostgreSQL, RunAsUser: 999, RunAsGroup: 999, DefaultVersion: "17.6",
				Versions: []v1alpha1.EngineVersion{
					{Name: "15.14", Image: "postgres:15.14"}, {Name: "17.5", Image: "postgres:17.5"},
					{Name: "17.6", Image: "postgres:17.6"}, {Name: "17.10", Image: "postgres:17.10",
						Lifecycle: v1alpha1.LifecycleDeprecated},
				},
			},
		},
		Engine: plainEngine{}, Agent: resource.Agent{Image: "atlasdb:1"}, Now: metav1.NewTime(time.Unix(1000, 0)),
		Objects: map[Ref]metav1.Object{},
	}}
}

// put sets an object, as another client of the API server would.
func (w *world) put(kind string, o metav1.Object) {
	w.snapshot.Objects[Ref{kind, o.GetName()}] = o
	w.snapshot.Members = membersOf(w.snapshot)
}

func (w *world) drop(kind, name string) {
	delete(w.snapshot.Objects, Ref{kind, name})
	w.snapshot.Members = membersOf(w.snapshot)
}

func (w *world) decide() Decision {
	w.t.Helper()
	d, err := Decide(w.snapshot)
	if err != nil {
		w.t.Fatal(err)
	}
	running := 0
	for _, x := range d.Deletes {
		if pod, ok := x.Seen.(*corev1.Pod); ok && pod.Status.Phase != corev1.PodFailed &&
			pod.Status.Phase != corev1.PodSucceeded {
			running++
		}
	}
	if running > 1 {
		w.t.Fatalf("one pass takes away %d running pods, allowed is 1", running)
	}
	return d
}

// step carries out one decision and says whether it had anything to do.
func (w *world) step() bool {
	w.t.Helper()
	d := w.decide()
	for _, g := range d.Generate {
		w.write(w.generated(g), nil)
	}
	for _, x := range d.Writes {
		w.write(x.Wanted, x.Seen)
	}
	for _, x := range d.Deletes {
		if w.dead() {
			break
		}
		w.drop(x.Kind, x.Seen.GetName())
	}
	w.snapshot.Members = membersOf(w.snapshot)
	return len(d.Generate)+len(d.Writes)+len(d.Deletes) > 0
}

func (w *world) dead() bool { return w.crashAfter >= 0 && w.writes >= w.crashAfter }

// converge steps until nothing is left to do.
func (w *world) converge() {
	w.t.Helper()
	for range 50 {
		if !w.step() {
			return
		}
	}
	w.t.Fatal("still busy after 50 passes")
}

// generated makes what a decision asks for with real randomness, as the controller would.
func (w *world) generated(g Generation) runtime.ApplyConfiguration {
	w.t.Helper()
	made, err := generate(w.snapshot, g)
	if err != nil {
		w.t.Fatal(err)
	}
	return made.Wanted
}

// write makes or merges one object, as the API server would.
func (w *world) write(wanted runtime.ApplyConfiguration, seen metav1.Object) {
	w.t.Helper()
	if w.dead() {
		return
	}
	w.writes++
	kind := apply.Kind(wanted)
	object := newObject(kind)
	if seen == nil {
		seen = w.snapshot.Objects[Ref{kind, apply.Name(wanted)}] // what is generated anew is merged like all else
	}
	if seen != nil {
		kept := seen.GetOwnerReferences()
		seen.SetOwnerReferences(nil)
		w.recode(seen, object)
		seen.SetOwnerReferences(kept)
	}
	w.recode(wanted, object)
	if object.GetUID() == "" {
		object.SetUID(types.UID(kind + "/" + object.GetName()))
	}
	w.snapshot.Objects[Ref{kind, object.GetName()}] = object
}

func (w *world) recode(from, to any) {
	w.t.Helper()
	encoded, err := json.Marshal(from)
	if err != nil {
		w.t.Fatal(err)
	}
	if err := json.Unmarshal(encoded, to); err != nil {
		w.t.Fatal(err)
	}
}

func newObject(kind string) metav1.Object {
	return map[string]metav1.Object{
		"Pod": &corev1.Pod{}, "PersistentVolumeClaim": &corev1.PersistentVolumeClaim{}, "Service": &corev1.Service{},
		"Secret": &corev1.Secret{}, "ServiceAccount": &corev1.ServiceAccount{}, "Role": &rbacv1.Role{},
		"RoleBinding": &rbacv1.RoleBinding{}, "Lease": &coordinationv1.Lease{},
		"PodDisruptionBudget": &policyv1.PodDisruptionBudget{}, "NetworkPolicy": &networkingv1.NetworkPolicy{},
	}[kind]
}

// report lets the agent of a member say something, and the kubelet call its pod ready.
func (w *world) report(member string, change func(*engine.MemberReport)) {
	w.t.Helper()
	pod := w.snapshot.Objects[Ref{"Pod", member}].(*corev1.Pod)
	r := engine.MemberReport{Incarnation: member + "/u/n", Role: v1alpha1.RoleReplica, Ready: true,
		CaughtUp: true, PlanGeneration: w.snapshot.Cluster.Generation}
	change(&r)
	if r.Role == v1alpha1.RolePrimary && r.Electorate == nil {
		for _, m := range w.plan().Members {
			r.Electorate = append(r.Electorate, m.Name)
		}
	}
	encoded, err := engine.EncodeReport(r)
	if err != nil {
		w.t.Fatal(err)
	}
	if pod.Annotations == nil {
		pod.Annotations = map[string]string{}
	}
	pod.Annotations[v1alpha1.AnnotationMember] = encoded
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
	if r.Role == v1alpha1.RolePrimary {
		w.snapshot.Objects[Ref{"Lease", "orders-db"}].(*coordinationv1.Lease).Spec.HolderIdentity = &r.Incarnation
	}
	w.snapshot.Members = membersOf(w.snapshot)
}

// primary makes a member primary with the given data.
func (w *world) primary(member, systemID string) {
	w.t.Helper()
	w.report(member, func(r *engine.MemberReport) {
		r.Role, r.SystemID = v1alpha1.RolePrimary, systemID
	})
	w.saveStatus()
}

// saveStatus writes status as the controller would.
func (w *world) saveStatus() {
	w.t.Helper()
	w.snapshot.Cluster.Status = Status(w.snapshot, w.decide(), Outcome{})
}

// ready gives the status and the reason of the condition Ready.
func (w *world) ready() string {
	c := meta.FindStatusCondition(w.snapshot.Cluster.Status.Conditions, v1alpha1.ConditionReady)
	if c == nil {
		return ""
	}
	return string(c.Status) + "/" + c.Reason
}

// names gives the names of all objects of a kind, sorted.
func (w *world) names(kind string) []string {
	var names []string
	for ref := range maps.Keys(w.snapshot.Objects) {
		if ref.Kind == kind {
			names = append(names, ref.Name)
		}
	}
	slices.Sort(names)
	return names
}

// plan decodes the plan that the agents read.
func (w *world) plan() engine.Plan {
	w.t.Helper()
	secret := w.snapshot.Secret("orders-db-plan")
	if secret == nil {
		w.t.Fatal("there is no plan")
	}
	plan, err := engine.DecodePlan(secret.Data[engine.PlanKey])
	if err != nil {
		w.t.Fatal(err)
	}
	return plan
}
