// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

// Command provisioner makes PersistentVolumes for the StorageClass "local": a folder per volume, bound to the node
// that the scheduler chose. They are local volumes, not hostPath ones, since kubelet applies fsGroup to the former
// only: a pod that forgets its fsGroup fails here as it would at a user's.
package main

import (
	"context"
	"flag"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

// provisionerName is what the StorageClass names.
const provisionerName = "localkube.atlasdb.io/folder"

func main() {
	kubeconfig := flag.String("kubeconfig", "", "path of the kubeconfig")
	root := flag.String("root", "", "folder that the volumes are made in, one folder per node")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	err := run(ctx, *kubeconfig, *root)
	stop()
	if err != nil {
		klog.FromContext(ctx).Error(err, "Provisioner stopped")
		os.Exit(1)
	}
}

func run(ctx context.Context, kubeconfig, root string) error {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return err
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return err
	}
	provisioner := controller.NewProvisionController(ctx, client, provisionerName, folders{root: root},
		controller.LeaderElection(false))
	provisioner.Run(ctx)
	return nil
}
