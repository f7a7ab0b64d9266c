// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package databasecluster

import (
	"slices"
	"strings"
	"testing"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/apply"
	"github.com/atlasdb/atlasdb/pkg/engine"
)

func TestNewClusterConvergesAndThenIsSilent(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.converge()
	want := map[string][]string{
		"Pod":                   {"orders-db-0", "orders-db-1", "orders-db-2"},
		"PersistentVolumeClaim": {"orders-db-0", "orders-db-1", "orders-db-2"},
		"Service":               {"orders-db", "orders-ro", "orders-rw"},
		"Secret":                {"orders-app", "orders-db-ca", "orders-db-plan", "orders-db-tls"},
		"ServiceAccount":        {"orders-db"}, "Role": {"orders-db"}, "RoleBinding": {"orders-db"},
		"Lease": {"orders-db"}, "PodDisruptionBudget": {"orders-db"}, "NetworkPolicy": {"orders-db"},
	}
	for kind := range apply.Kinds {
		if got := w.names(kind); !slices.Equal(got, want[kind]) {
			t.Errorf("%s: %v, want %v", kind, got, want[kind])
		}
	}
	if d := w.decide(); len(d.Writes)+len(d.Deletes)+len(d.Generate) != 0 || d.RequeueAfter != lookAgain {
		t.Errorf("a cluster at rest is decided on: %+v", d)
	}
}

func TestACrashAfterAnyWriteLeadsToTheSameEnd(t *testing.T) {
	t.Parallel()
	reference := newWorld(t, 3)
	reference.converge()
	for n := range reference.writes {
		w := newWorld(t, 3)
		w.crashAfter = n
		for !w.dead() {
			w.step()
		}
		w.crashAfter = -1
		w.converge()
		for kind := range apply.Kinds {
			if got, want := w.names(kind), reference.names(kind); !slices.Equal(got, want) {
				t.Errorf("crash after %d writes: %s: %v, want %v", n, kind, got, want)
			}
		}
		if w.writes != reference.writes {
			t.Errorf("crash after %d writes: %d writes in all, want %d: something was made twice",
				n, w.writes, reference.writes)
		}
	}
}

func TestDataIsBornOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.converge()
	if got := w.plan().Initialiser; got != "orders-db-0" {
		t.Errorf("initialiser %q, want orders-db-0", got)
	}
	w.primary("orders-db-0", "7423")
	w.converge()
	if p := w.plan(); p.Initialiser != "" || p.SystemID != "7423" {
		t.Errorf("after birth: initialiser %q and system ID %q, want none and 7423", p.Initialiser, p.SystemID)
	}
	// The primary's report is gone with its pod: what is known stays known.
	w.drop("Pod", "orders-db-0")
	w.converge()
	if p := w.plan(); p.Initialiser != "" || p.SystemID != "7423" {
		t.Errorf("without the primary's report: initialiser %q, system ID %q", p.Initialiser, p.SystemID)
	}
}

func retained(name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{
		Name: name, Namespace: "shop", Labels: map[string]string{
			v1alpha1.LabelManagedBy: v1alpha1.ManagedBy, v1alpha1.LabelCluster: "orders",
			v1alpha1.LabelClusterUID: "uid-1", v1alpha1.LabelBuild: "17.5",
		}}}
}

func TestRetainedVolumesAreNeverInitialisedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put("PersistentVolumeClaim", retained("orders-db-2"))
	w.converge()
	if p := w.plan(); p.Initialiser != "" || !slices.Equal(p.RetainedMembers, []string{"orders-db-2"}) {
		t.Fatalf("initialiser %q, retained %v; want none, and orders-db-2", p.Initialiser, p.RetainedMembers)
	}
	if got, want := w.names("Pod"), []string{"orders-db-0", "orders-db-2"}; !slices.Equal(got, want) {
		t.Errorf("pods %v, want %v: a member with data must come up though it is beyond spec.members", got, want)
	}
	if got := w.snapshot.Member("orders-db-2").Volume.Labels[v1alpha1.LabelClusterUID]; got != "uid-1" {
		t.Errorf("the volume was relabelled to %q before it was known whose data the cluster has", got)
	}

	w.primary("orders-db-2", "7423")
	w.converge()
	w.primary("orders-db-2", "7423") // it has struck from the Lease who is no longer in the plan
	w.converge()
	if got := w.snapshot.Member("orders-db-2").Volume.Labels[v1alpha1.LabelClusterUID]; got != "uid-2" {
		t.Errorf("cluster-uid of the volume is %q, want uid-2 once the data is known", got)
	}
	if got, want := w.names("Pod"), []string{"orders-db-2"}; !slices.Equal(got, want) {
		t.Errorf("pods %v, want %v: the primary stays, whatever its ordinal", got, want)
	}
	if got := w.decide().Build; got != "17.5" {
		t.Errorf("build %q, want 17.5, which the data was last used with", got)
	}
}

func TestEmptyRetainedVolumesAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.put("PersistentVolumeClaim", retained("orders-db-0"))
	w.converge()
	available := func() string {
		w.saveStatus()
		return meta.FindStatusCondition(w.snapshot.Cluster.Status.Conditions, v1alpha1.ConditionAvailable).Message
	}
	if got := available(); !strings.Contains(got, "have told how far theirs goes: orders-db-0") {
		t.Errorf("before the vote: %s", got)
	}
	w.report("orders-db-0", func(r *engine.MemberReport) { r.Role = v1alpha1.RoleUnknown })
	if got := available(); !strings.Contains(got, "delete these volume claims to begin anew: orders-db-0") {
		t.Errorf("after an empty vote: %s", got)
	}
}

func TestScaleInWaitsForAPodThatIsGoing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 3)
	w.converge()
	w.primary("orders-db-0", "7423")
	w.converge()
	going := w.snapshot.Member("orders-db-1").Pod
	going.DeletionTimestamp = &w.snapshot.Now
	w.snapshot.Cluster.Spec.Members = 1
	for _, x := range w.decide().Deletes {
		if x.Kind == "Pod" {
			t.Errorf("%s is taken away while orders-db-1 is still going", x.Seen.GetName())
		}
	}
}

func TestForeignObjectsAreLeftAlone(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"orders-rw", "orders-app"} {
		w := newWorld(t, 1)
		kind, stranger := "Service", metav1.Object(&corev1.Service{})
		if name == "orders-app" {
			kind, stranger = "Secret", &corev1.Secret{}
		}
		stranger.SetName(name)
		stranger.SetNamespace("shop")
		stranger.SetLabels(map[string]string{v1alpha1.LabelManagedBy: "atlasdb", v1alpha1.LabelCluster: "orders"})
		stranger.SetOwnerReferences([]metav1.OwnerReference{{Kind: "Deployment", UID: "x", Controller: new(true)}})
		w.put(kind, stranger)
		w.converge()
		d := w.decide()
		if len(d.Obstacles) != 1 || d.Obstacles[0] != (Obstacle{Ref{kind, name}, v1alpha1.ReasonNameConflict}) {
			t.Errorf("obstacles %v, want a name conflict of %s %s", d.Obstacles, kind, name)
		}
		if w.snapshot.Objects[Ref{kind, name}] != stranger {
			t.Errorf("%s was written to", name)
		}
	}
}

func TestAnEndedPodIsMadeAnewOnlyWhenItsNameIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	pod := w.snapshot.Member("orders-db-0").Pod
	pod.Status.Phase = corev1.PodFailed
	if d := w.decide(); len(d.Deletes) != 1 || len(d.Writes) != 0 {
		t.Fatalf("decided %+v, want one deletion and no write", d)
	}
	pod.DeletionTimestamp = &w.snapshot.Now
	d := w.decide()
	if len(d.Deletes)+len(d.Writes) != 0 || d.RequeueAfter != nodeLostAfter {
		t.Errorf("while the pod is going: decided %+v, want to wait %s", d, nodeLostAfter)
	}
	pod.DeletionTimestamp = new(metav1.NewTime(w.snapshot.Now.Add(-time.Minute)))
	if d := w.decide(); len(d.Obstacles) != 1 || d.Obstacles[0].Reason != v1alpha1.ReasonNodeLost {
		t.Errorf("a minute after the grace period: obstacles %v, want NodeLost", d.Obstacles)
	}
}

func TestTheDeletionPolicyIsOnTheVolumes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	for _, policy := range []v1alpha1.DeletionPolicy{v1alpha1.DeletionDelete, v1alpha1.DeletionRetain} {
		w.snapshot.Cluster.Spec.DeletionPolicy = policy
		w.converge()
		if got := observedDeletionPolicy(w.snapshot); got != policy {
			t.Errorf("observed %s, want %s", got, policy)
		}
	}
}

func TestADeletedLeaseIsMadeInTheNameOfThePrimary(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.converge()
	w.primary("orders-db-1", "7423")
	w.drop("Lease", "orders-db")
	w.converge()
	lease := w.snapshot.Objects[Ref{"Lease", "orders-db"}].(*coordinationv1.Lease)
	if got := holder(lease); got != "orders-db-1/u/n" {
		t.Errorf("holder %q, want the incarnation that reports itself primary", got)
	}
}

func TestARefusedSpecChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.snapshot.Cluster.Spec.Members = 3
	w.snapshot.Engine = plainEngine{errs: field.ErrorList{field.Invalid(field.NewPath("spec"), "x", "no")}}
	d := w.decide()
	if d.Verdict.Reason != v1alpha1.ReasonInvalid || len(d.Writes)+len(d.Deletes)+len(d.Generate) != 0 {
		t.Errorf("decided %+v, want the verdict Invalid and nothing else", d)
	}
}

func TestAMajorVersionDoesNotChange(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.snapshot.Cluster.Spec.Version = "15"
	if got := w.decide().Verdict.Reason; got != v1alpha1.ReasonUnsupported {
		t.Errorf("verdict %s, want Unsupported", got)
	}
}

func TestABuildOlderThanThePrimarysIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, wanted, primary, replica string
		reason, build                  string
	}{
		{"back before the primary had it", "17.5", "17.5", "17.6", v1alpha1.ReasonAccepted, "17.5"},
		{"a prefix is the primary's, not the newest", "17", "17.5", "17.6", v1alpha1.ReasonAccepted, "17.5"},
		{"a newer one", "17.10", "17.6", "17.6", v1alpha1.ReasonAccepted, "17.10"},
		{"back after the primary had it", "17.5", "17.6", "17.6", v1alpha1.ReasonUnsupported, ""},
	}
	for _, tt := range tests {
		w := newWorld(t, 2)
		w.converge()
		w.primary("orders-db-0", "7423")
		w.snapshot.Member("orders-db-0").Volume.Labels[v1alpha1.LabelBuild] = tt.primary
		w.snapshot.Member("orders-db-1").Volume.Labels[v1alpha1.LabelBuild] = tt.replica
		w.snapshot.Cluster.Spec.Version = tt.wanted
		if d := w.decide(); d.Verdict.Reason != tt.reason || d.Build != tt.build {
			t.Errorf("%s: %s, build %q: want %s, %q", tt.name, d.Verdict.Reason, d.Build, tt.reason, tt.build)
		}
	}
}

func TestTheVolumeSaysTheBuildThatItsMemberCameUpWith(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.snapshot.Member("orders-db-0").Pod.Labels[v1alpha1.LabelBuild] = "17.10"
	w.converge()
	build := func() string { return w.snapshot.Member("orders-db-0").Volume.Labels[v1alpha1.LabelBuild] }
	if got := build(); got != "17.6" {
		t.Errorf("before the pod is ready: %s, want 17.6", got)
	}
	w.primary("orders-db-0", "7423")
	for range 3 {
		w.step()
	}
	if got := build(); got != "17.10" {
		t.Errorf("when the pod is ready: %s, want 17.10", got)
	}
}

func TestOnlyWhomTheLeaseListsBegins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	w.converge()
	w.primary("orders-db-0", "7423")
	w.converge()
	w.snapshot.Objects[Ref{"Lease", "orders-db"}].SetAnnotations(map[string]string{
		v1alpha1.AnnotationFailsafeMembers: "orders-db-0,orders-db-1",
	})
	w.drop("Pod", "orders-db-0")
	w.drop("Pod", "orders-db-1")
	w.snapshot.Cluster.Spec.Members = 3
	w.converge()
	if got, want := w.names("Pod"), []string{"orders-db-0", "orders-db-1"}; !slices.Equal(got, want) {
		t.Errorf("without a primary pods %v are made, want %v: whom the Lease lists", got, want)
	}
	w.snapshot.Cluster.Spec.Members = 1
	for _, x := range w.decide().Deletes {
		if x.Kind == "Pod" {
			t.Errorf("%s is deleted while there is no primary and the Lease lists it", x.Seen.GetName())
		}
	}
}

func TestChooseBuild(t *testing.T) {
	t.Parallel()
	offer := newWorld(t, 1).snapshot.Offer
	tests := []struct{ name, wanted, used, want string }{
		{"a full name is itself", "17.5", "", "17.5"},
		{"a deprecated build can be named", "17.10", "", "17.10"},
		{"a prefix is the newest supported build", "17", "", "17.6"},
		{"a prefix is the build in use once there is one", "17", "17.5", "17.5"},
		{"a prefix ends at a dot", "1", "", ""},
		{"what is not offered is not found", "16", "", ""},
	}
	for _, tt := range tests {
		if got, _ := chooseBuild(offer, tt.wanted, tt.used); got.Name != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got.Name, tt.want)
		}
	}
	if got := newerBuild(offer, "17.5"); got != "17.6" {
		t.Errorf("newer than 17.5: %q, want 17.6, since 17.10 is deprecated", got)
	}
	if got := newerBuild(offer, "17.6"); got != "" {
		t.Errorf("newer than 17.6: %q, want none", got)
	}
}

func TestAPodWithoutANodeIsToldAfterAMoment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.snapshot.Member("orders-db-0").Pod.Status.Conditions = []corev1.PodCondition{{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available",
		LastTransitionTime: w.snapshot.Now,
	}}
	if d := w.decide(); d.RequeueAfter != schedulingPatience {
		t.Errorf("looks again after %s, want %s: no event says that time has passed", d.RequeueAfter, schedulingPatience)
	}
	w.saveStatus()
	if w.ready() != "False/Creating" {
		t.Errorf("at once: %s", w.ready())
	}
	w.snapshot.Now = metav1.NewTime(w.snapshot.Now.Add(schedulingPatience))
	w.saveStatus()
	if w.ready() != "False/Unschedulable" {
		t.Errorf("after %s: %s", schedulingPatience, w.ready())
	}
}

func TestANameConflictIsNotReady(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 1)
	w.converge()
	w.primary("orders-db-0", "7423")
	w.converge()
	conflict := Failure{Ref{"Service", "orders-rw"}, v1alpha1.ReasonNameConflict, "taken"}
	w.snapshot.Cluster.Status = Status(w.snapshot, w.decide(), Outcome{Failures: []Failure{conflict}})
	if w.ready() != "False/NameConflict" {
		t.Errorf("Ready is %s although a Service could not be made", w.ready())
	}
}

func TestStatusTellsTheStory(t *testing.T) {
	t.Parallel()
	w := newWorld(t, 2)
	reason := func() string {
		w.saveStatus()
		return w.ready()
	}
	if got := reason(); got != "False/Creating" {
		t.Errorf("before anything: %s", got)
	}
	if n := len(w.snapshot.Cluster.Status.Conditions); n != len(conditionTypes) {
		t.Errorf("%d conditions in the first status, want all %d", n, len(conditionTypes))
	}
	w.converge()
	w.primary("orders-db-0", "7423")
	w.converge()
	if got := reason(); got != "False/MembersNotReady" {
		t.Errorf("with a primary and no replica: %s", got)
	}
	w.report("orders-db-1", func(*engine.MemberReport) {})
	if got := reason(); got != "True/Ready" {
		t.Errorf("with all: %s", got)
	}
	w.snapshot.Cluster.Generation = 2
	if got := reason(); got != "False/RollingOut" {
		t.Errorf("after an edit: %s", got)
	}
	w.snapshot.Member("orders-db-1").Pod.Status = corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
		Name: "engine", State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull"}},
	}}}
	if got := reason(); got != "False/ImagePullFailed" {
		t.Errorf("without an image: %s", got)
	}
}
