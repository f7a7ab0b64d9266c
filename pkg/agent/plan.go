// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"context"
	"os"
	"path/filepath"

	"k8s.io/klog/v2"

	"github.com/atlasdb/atlasdb/pkg/agent/election"
	"github.com/atlasdb/atlasdb/pkg/engine"
	"github.com/atlasdb/atlasdb/pkg/resource"
)

// readPlanFile reads the plan that was mounted: the start value, for an API server that does not answer.
func (a *Agent) readPlanFile(ctx context.Context) {
	encoded, err := os.ReadFile(filepath.Join(resource.PlanMountPath, engine.PlanKey))
	if err == nil {
		a.accept(ctx, encoded)
	}
}

func (a *Agent) readPlan(ctx context.Context) {
	encoded := a.cluster.plan()
	if hash := engine.HashPlan(encoded); encoded != nil && hash != a.planHash && hash != a.refusedHash {
		a.accept(ctx, encoded)
	}
}

// accept takes over a plan, unless it is an older one of the same cluster: a stale cache must not undo a newer plan.
func (a *Agent) accept(ctx context.Context, encoded []byte) {
	plan, err := engine.DecodePlan(encoded)
	a.refusedHash = engine.HashPlan(encoded) // unless it is taken over below; a refusal is logged once
	switch {
	case err != nil:
		klog.FromContext(ctx).Error(err, "Refused plan")
	case plan.ClusterUID == a.plan.ClusterUID && plan.Generation < a.plan.Generation:
		klog.FromContext(ctx).Info("Refused an older plan", "generation", plan.Generation, "have", a.plan.Generation)
	default:
		a.plan, a.planHash, a.refusedHash = plan, engine.HashPlan(encoded), ""
		a.elector.Plan(election.PlanOf(plan))
		hosts := map[string]string{}
		for _, m := range plan.Members {
			hosts[m.Name] = m.Host
		}
		a.peers.SetHosts(hosts)
	}
}
