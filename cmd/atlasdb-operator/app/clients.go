// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package app

import (
	"fmt"
	"runtime"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/util/flowcontrol"

	"github.com/atlasdb/atlasdb/pkg/generated/clientset/versioned"
	"github.com/atlasdb/atlasdb/pkg/version"
)

// clients are the API server, as the controllers see it.
type clients struct {
	kube  kubernetes.Interface
	atlas versioned.Interface
}

// restConfig is the way to the API server. All clients made from it share one rate limit, so that --kube-api-qps means
// the process and not each of its clients.
func restConfig(opts *Options) (*rest.Config, error) {
	config, err := loadConfig(opts.Kubeconfig)
	if err != nil {
		return nil, err
	}
	config.UserAgent = fmt.Sprintf("atlasdb-operator/%s (%s/%s)", version.Get().Version, runtime.GOOS, runtime.GOARCH)
	config.RateLimiter = flowcontrol.NewTokenBucketRateLimiter(opts.QPS, opts.Burst)
	return config, nil
}

func loadConfig(kubeconfig string) (*rest.Config, error) {
	if kubeconfig == "" {
		config, err := rest.InClusterConfig()
		if err != nil {
			return nil, fmt.Errorf("finding the API server (outside a pod, give --kubeconfig): %w", err)
		}
		return config, nil
	}
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, fmt.Errorf("reading --kubeconfig: %w", err)
	}
	return config, nil
}

// newClients makes the clients of the controllers. Kubernetes' own kinds travel as protobuf, at a fraction of JSON's
// cost; custom resources know only JSON.
func newClients(config *rest.Config) (clients, error) {
	atlas, err := versioned.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("making client of AtlasDB's kinds: %w", err)
	}
	config = rest.CopyConfig(config)
	config.ContentType = "application/vnd.kubernetes.protobuf"
	config.AcceptContentTypes = "application/vnd.kubernetes.protobuf,application/json"
	kube, err := kubernetes.NewForConfig(config)
	if err != nil {
		return clients{}, fmt.Errorf("making client of Kubernetes' kinds: %w", err)
	}
	return clients{kube: kube, atlas: atlas}, nil
}
