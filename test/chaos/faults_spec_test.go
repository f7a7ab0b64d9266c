// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

//go:build chaos

package chaos

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/atlasdb/atlasdb/pkg/apis/atlasdb/v1alpha1"
)

// addMember stops the API server for a while when a fourth member is on its way. The primary may then ask in vain for
// the promise of a member that never came up, and stop. The member is taken out again when all was mended.
func addMember(ctx context.Context, t *trial) error {
	t.undo = func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, recoveryDeadline)
		defer cancel()
		if err := t.signalAPIServer(syscall.SIGCONT); err != nil {
			return err
		}
		return errors.Join(t.awaitReady(ctx), t.scale(ctx, 3))
	}
	if err := t.scale(ctx, 4); err != nil {
		return err
	}
	if !pause(ctx, t.between(0, 3*time.Second)) {
		return ctx.Err()
	}
	if err := t.signalAPIServer(syscall.SIGSTOP); err != nil {
		return err
	}
	if !pause(ctx, 15*time.Second) {
		return ctx.Err()
	}
	return t.signalAPIServer(syscall.SIGCONT)
}

func (db *database) scale(ctx context.Context, members int32) error {
	_, err := db.atlas.AtlasDBV1alpha1().DatabaseClusters(db.ns).Patch(ctx, clusterName, types.MergePatchType,
		fmt.Appendf(nil, `{"spec":{"members":%d}}`, members), metav1.PatchOptions{})
	return err
}

// recreate deletes the DatabaseCluster and makes another of the same name at once, while what it owned is still there.
func recreate(ctx context.Context, t *trial) error {
	if err := t.delete(ctx); err != nil {
		return err
	}
	return t.createAgain(ctx)
}

func (db *database) delete(ctx context.Context) error {
	return db.atlas.AtlasDBV1alpha1().DatabaseClusters(db.ns).Delete(ctx, clusterName, metav1.DeleteOptions{})
}

// createAgain makes the DatabaseCluster anew and leads the sessions to its new Service.
func (t *trial) createAgain(ctx context.Context) error {
	var made *v1alpha1.DatabaseCluster
	if err := eventually(ctx, "making the cluster anew", func(ctx context.Context) (err error) {
		made, err = t.create(ctx)
		return err
	}); err != nil {
		return err
	}
	if err := awaitObject(ctx, t.kube.CoreV1().Services(t.ns), clusterName+"-rw", func(s *corev1.Service) bool {
		return s != nil && metav1.IsControlledBy(s, made)
	}); err != nil {
		return err
	}
	if err := awaitObject(ctx, t.kube.CoreV1().Secrets(t.ns), clusterName+"-app", func(s *corev1.Secret) bool {
		return s != nil && metav1.IsControlledBy(s, made)
	}); err != nil {
		return err
	}
	if err := t.resolve(ctx); err != nil {
		return err
	}
	t.writer.retarget(t.service)
	return nil
}

// recreateOverVolumes leaves one volume stale, of a member that was taken out while the others went on, and empties
// another, that of either of the two that were left: each of them has all that was acknowledged.
func recreateOverVolumes(ctx context.Context, t *trial) error {
	left, err := t.leaveTwo(ctx)
	if err != nil {
		return err
	}
	t.struck = now()
	if err := t.delete(ctx); err != nil {
		return err
	}
	for _, p := range left {
		err := awaitObject(ctx, t.kube.CoreV1().Pods(t.ns), p.Name, func(p *corev1.Pod) bool { return p == nil })
		if err != nil {
			return err
		}
	}
	if err := t.emptyVolume(ctx, left[t.random.IntN(2)].Name); err != nil {
		return err
	}
	return t.createAgain(ctx)
}

// leaveTwo takes a member out and has the others go on for a while.
func (t *trial) leaveTwo(ctx context.Context) ([]corev1.Pod, error) {
	if err := t.scale(ctx, 2); err != nil {
		return nil, err
	}
	if err := t.awaitReady(ctx); err != nil {
		return nil, err
	}
	alone := now() + instant(time.Second)
	err := t.writer.await(ctx, "writes go on without the third", func(w write) bool { return w.Begun > alone })
	if err != nil {
		return nil, err
	}
	pods, err := t.members(ctx)
	if err == nil && len(pods) != 2 {
		err = fmt.Errorf("%d pods, want 2", len(pods))
	}
	return pods, err
}

// emptyVolume removes all that is in a member's volume, a folder of this machine.
func (t *trial) emptyVolume(ctx context.Context, member string) error {
	claim, err := t.kube.CoreV1().PersistentVolumeClaims(t.ns).Get(ctx, member, metav1.GetOptions{})
	if err != nil {
		return err
	}
	volume, err := t.kube.CoreV1().PersistentVolumes().Get(ctx, claim.Spec.VolumeName, metav1.GetOptions{})
	if err != nil {
		return err
	}
	if volume.Spec.Local == nil || !strings.HasPrefix(volume.Spec.Local.Path, t.ground.folder+"/") {
		return fmt.Errorf("volume %s is no folder of localkube", volume.Name)
	}
	entries, err := os.ReadDir(volume.Spec.Local.Path)
	if err != nil {
		return err
	}
	var problems []error
	for _, e := range entries {
		problems = append(problems, os.RemoveAll(filepath.Join(volume.Spec.Local.Path, e.Name())))
	}
	return errors.Join(problems...)
}
