// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build conformance

package conformance

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
	"github.com/atlasdb/atlasdb/pkg/resource"
	"github.com/atlasdb/atlasdb/test/e2e/frame"
)

// isWhole reads what status and binding tell of a database that is Ready.
func isWhole(d *database) {
	c := d.Await(clusterName, "can fail over", func(c *v1alpha1.DatabaseCluster) bool {
		return meta.IsStatusConditionTrue(c.Status.Conditions, v1alpha1.ConditionFailoverReady)
	})
	degraded := metav1.ConditionFalse
	if !d.engine.has(margin) {
		degraded = metav1.ConditionTrue // and FailoverReady is true nevertheless
	}
	for condition, want := range map[string]metav1.ConditionStatus{
		v1alpha1.ConditionAccepted: metav1.ConditionTrue, v1alpha1.ConditionAvailable: metav1.ConditionTrue,
		v1alpha1.ConditionUpToDate: metav1.ConditionTrue, v1alpha1.ConditionDegraded: degraded,
		v1alpha1.ConditionProgressing: metav1.ConditionFalse,
	} {
		if got := meta.FindStatusCondition(c.Status.Conditions, condition); got == nil || got.Status != want {
			d.Errorf("condition %s is %+v, want %s", condition, got, want)
		}
	}
	s := c.Status
	if s.SystemID == "" || s.Version.Current == "" || s.Durability.Effective == "" || s.Endpoints.ReadWrite == "" ||
		s.Endpoints.ReadOnly == "" || s.Binding == nil || s.DeletionPolicy != v1alpha1.DeletionRetain {
		d.Errorf("status is not whole: %+v", s)
	}
	if d.engine.has(onePrimary) != (s.Primary != "") {
		d.Errorf("primary is %q", s.Primary)
	}
	binding, err := d.Kube.CoreV1().Secrets(d.NS).Get(d.Context(), s.Binding.Name, metav1.GetOptions{})
	d.Must(err)
	for _, key := range []string{
		resource.BindingType, resource.BindingProvider, resource.BindingHost, resource.BindingPort,
		resource.BindingUsername, resource.BindingPassword, resource.BindingURI, resource.BindingCA,
	} {
		if len(binding.Data[key]) == 0 {
			d.Errorf("the binding has no %s", key)
		}
	}
	if d.engine.has(namedDatabase) != (len(binding.Data[resource.BindingDatabase]) > 0) {
		d.Errorf("the binding leads to database %q", binding.Data[resource.BindingDatabase])
	}
}

// serves writes and reads by the login of the binding, and nobody comes in otherwise.
func serves(d *database) {
	d.write(100)
	d.mustHaveAll(readWrite, readOnly)
	for what, change := range map[string]func(*frame.Route){
		"without TLS":           func(r *frame.Route) { r.TLS = nil },
		"with another password": func(r *frame.Route) { r.Password = "not " + r.Password },
		"as somebody else":      func(r *frame.Route) { r.Username = "somebody" },
	} {
		s, err := d.open(d.Context(), readWrite, change)
		if err == nil {
			s.Close()
			d.Errorf("a session %s was opened", what)
			continue
		}
		d.Step("a session %s: %v", what, err)
	}
	if !d.engine.has(onePrimary) {
		return
	}
	err := d.with(d.Context(), readOnly, func(ctx context.Context, s session) error { return s.Write(ctx, d.records+1) })
	if err == nil {
		d.Error("a replica took a write")
	}
	d.Step("a write to a replica: %v", err)
}

// standsAlone is the life of a database of one member.
func standsAlone(d *database) {
	alone := &database{Frame: frame.New(d.T), engine: d.engine}
	alone.apply(1)
	alone.AwaitReady(clusterName)
	alone.keepsBudget(1)
	alone.write(10)
	alone.KillServer(clusterName+"-db-0", d.engine.process)
	alone.mustHaveAll(readWrite)
	alone.AwaitReady(clusterName)
	_, err := d.Kube.CoreV1().Services(alone.NS).Get(d.Context(), readOnly, metav1.GetOptions{})
	if !apierrors.IsNotFound(err) {
		d.Errorf("one member has a Service %s: %v", readOnly, err)
	}
}
