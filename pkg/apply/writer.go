// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"context"
	"encoding/json"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
)

// Writer writes the objects of clusters under one field manager.
type Writer struct {
	// Client is the API server.
	Client kubernetes.Interface
	// FieldManager is the name under which fields are owned; one per controller.
	FieldManager string
}

// ExistsError says that an object could not be created because one of its name is there. The informers may not show it:
// it lacks our labels, or they have not seen it yet.
type ExistsError struct {
	// Existing is the object as it is on the API server.
	Existing metav1.Object
}

func (e *ExistsError) Error() string {
	return fmt.Sprintf("%q already exists", e.Existing.GetName())
}

// Create makes an object that the informers do not show. It returns an *ExistsError with the object that is in the way,
// which costs the only read outside informers.
func (w Writer) Create(ctx context.Context, wanted runtime.ApplyConfiguration) (metav1.Object, error) {
	to, err := w.endpointFor(Kind(wanted), Namespace(wanted))
	if err != nil {
		return nil, err
	}
	created, err := to.create(ctx, wanted, metav1.CreateOptions{FieldManager: w.FieldManager})
	if !apierrors.IsAlreadyExists(err) {
		return created, err
	}
	existing, err := to.get(ctx, Name(wanted))
	if err != nil {
		return nil, fmt.Errorf("reading what is in the way of %q: %w", Name(wanted), err)
	}
	return nil, &ExistsError{Existing: existing}
}

// Apply makes the wanted fields of an existing object be so. cached is the object that was compared; another object of
// its name, with another UID, makes the server answer Conflict.
func (w Writer) Apply(
	ctx context.Context, wanted runtime.ApplyConfiguration, cached metav1.Object,
) (metav1.Object, error) {
	to, err := w.endpointFor(Kind(wanted), Namespace(wanted))
	if err != nil {
		return nil, err
	}
	return to.apply(ctx, wanted, cached.GetUID(), metav1.ApplyOptions{FieldManager: w.FieldManager, Force: true})
}

// Delete deletes an object that is just as it was seen; one that changed since is left, and the server answers
// Conflict. The grace period of a pod is its own: never 0, because only the kubelet knows when the engine is gone.
func (w Writer) Delete(ctx context.Context, kind string, seen metav1.Object) error {
	to, err := w.endpointFor(kind, seen.GetNamespace())
	if err != nil {
		return err
	}
	return to.delete(ctx, seen.GetName(), metav1.DeleteOptions{Preconditions: &metav1.Preconditions{
		UID:             new(seen.GetUID()),
		ResourceVersion: new(seen.GetResourceVersion()),
	}})
}

// endpoint is the API of one kind in one namespace, with its types erased.
type endpoint interface {
	create(ctx context.Context, wanted runtime.ApplyConfiguration, o metav1.CreateOptions) (metav1.Object, error)
	apply(
		ctx context.Context, wanted runtime.ApplyConfiguration, uid types.UID, o metav1.ApplyOptions,
	) (metav1.Object, error)
	get(ctx context.Context, name string) (metav1.Object, error)
	delete(ctx context.Context, name string, o metav1.DeleteOptions) error
}

// client is the part of a generated typed client that an endpoint needs.
type client[T, A any] interface {
	Create(context.Context, *T, metav1.CreateOptions) (*T, error)
	Apply(context.Context, *A, metav1.ApplyOptions) (*T, error)
	Get(context.Context, string, metav1.GetOptions) (*T, error)
	Delete(context.Context, string, metav1.DeleteOptions) error
}

// object and configuration tie a kind's types to the methods that an endpoint calls on their pointers.
type object[T any] interface {
	*T
	metav1.Object
}

type configuration[A any] interface {
	*A
	runtime.ApplyConfiguration
	WithUID(types.UID) *A
}

// on makes the endpoint of a typed client; the compiler finds the types from the client's methods.
func on[T, A any, PT object[T], PA configuration[A]](c client[T, A]) endpoint {
	return typed[T, A, PT, PA]{c}
}

type typed[T, A any, PT object[T], PA configuration[A]] struct {
	client client[T, A]
}

func (t typed[T, A, PT, PA]) create(
	ctx context.Context, wanted runtime.ApplyConfiguration, o metav1.CreateOptions,
) (metav1.Object, error) {
	encoded, err := json.Marshal(wanted)
	if err != nil {
		return nil, fmt.Errorf("encoding apply configuration: %w", err)
	}
	obj := new(T)
	if err := json.Unmarshal(encoded, obj); err != nil {
		return nil, fmt.Errorf("decoding apply configuration: %w", err)
	}
	created, err := t.client.Create(ctx, obj, o)
	return PT(created), err
}

func (t typed[T, A, PT, PA]) apply(
	ctx context.Context, wanted runtime.ApplyConfiguration, uid types.UID, o metav1.ApplyOptions,
) (metav1.Object, error) {
	configuration, ok := wanted.(PA)
	if !ok {
		return nil, fmt.Errorf("apply configuration %T is not of the kind it says", wanted)
	}
	applied, err := t.client.Apply(ctx, configuration.WithUID(uid), o)
	return PT(applied), err
}

func (t typed[T, A, PT, PA]) get(ctx context.Context, name string) (metav1.Object, error) {
	got, err := t.client.Get(ctx, name, metav1.GetOptions{})
	return PT(got), err
}

func (t typed[T, A, PT, PA]) delete(ctx context.Context, name string, o metav1.DeleteOptions) error {
	return t.client.Delete(ctx, name, o)
}
