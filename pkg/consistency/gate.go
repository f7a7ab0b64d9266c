// SPDX-FileCopyrightText: The AtlasDB Authors
// SPDX-License-Identifier: Apache-2.0

package consistency

import (
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"k8s.io/client-go/tools/cache"
)

// Store is what the gate asks of an informer's cache; the cache.Store of every informer has it.
type Store interface {
	// LastStoreSyncResourceVersion is the newest resourceVersion that the store has seen, or "" when it cannot tell.
	LastStoreSyncResourceVersion() string
	// GetByKey returns the object with the key "namespace/name".
	GetByKey(key string) (item any, exists bool, err error)
}

// StaleError says that a key was not synced because a cache has not yet seen the key's own last write.
type StaleError struct {
	// Resource is the plural name of the resource whose cache is behind.
	Resource string
	// Waiting is what the cache has not seen yet: a resourceVersion, or the deletion of a named object.
	Waiting string
}

// Error names the resource and what is awaited.
func (e *StaleError) Error() string {
	return fmt.Sprintf("cache of %s is stale: waiting for %s", e.Resource, e.Waiting)
}

// Gate remembers the writes of each key until the caches have seen them. It holds no entry for a key that is level.
// Different keys may use it at the same time; one key is used by one worker at a time.
type Gate struct {
	stores map[string]Store

	mu      sync.Mutex
	pending map[cache.ObjectName]*writes
}

// writes are those of one key that the caches may not have seen.
type writes struct {
	versions map[string]string // resource → the newest resourceVersion written
	deleted  map[object]types.UID
}

// object names an object in the namespace of its key.
type object struct{ resource, name string }

// NewGate returns a gate over the stores of the informers, by plural resource name ("pods"). Writes of a resource that
// is not among them are not waited for.
func NewGate(stores map[string]Store) *Gate {
	return &Gate{stores: stores, pending: map[cache.ObjectName]*writes{}}
}

// Wrote records that a sync of key wrote an object of resource, which the server answered with resourceVersion.
func (g *Gate) Wrote(key cache.ObjectName, resource, resourceVersion string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.writesOf(key)
	cmp, err := resourceversion.CompareResourceVersion(w.versions[resource], resourceVersion)
	if err == nil && cmp >= 0 {
		return
	}
	w.versions[resource] = resourceVersion
}

// Deleted records that a sync of key deleted the object of that resource, name and UID in the key's namespace.
func (g *Gate) Deleted(key cache.ObjectName, resource, name string, uid types.UID) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.writesOf(key).deleted[object{resource, name}] = uid
}

// Ready returns nil when the caches have seen every recorded write of key, and a *StaleError otherwise.
func (g *Gate) Ready(key cache.ObjectName) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	w, ok := g.pending[key]
	if !ok {
		return nil
	}
	for resource, wrote := range w.versions {
		if !g.caughtUp(resource, wrote) {
			return &StaleError{Resource: resource, Waiting: "resourceVersion " + wrote}
		}
	}
	for o, uid := range w.deleted {
		if !g.gone(o.resource, cache.NewObjectName(key.Namespace, o.name), uid) {
			return &StaleError{Resource: o.resource, Waiting: "deletion of " + o.name}
		}
	}
	delete(g.pending, key)
	return nil
}

// Forget drops what is recorded for key, whose object is gone: nobody will ask for it again.
func (g *Gate) Forget(key cache.ObjectName) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.pending, key)
}

// writesOf returns the record of key, made if there is none. The caller holds the lock.
func (g *Gate) writesOf(key cache.ObjectName) *writes {
	w, ok := g.pending[key]
	if !ok {
		w = &writes{versions: map[string]string{}, deleted: map[object]types.UID{}}
		g.pending[key] = w
	}
	return w
}

// caughtUp says whether the store of resource is at least as new as what was written.
func (g *Gate) caughtUp(resource, wrote string) bool {
	store, ok := g.stores[resource]
	if !ok {
		return true
	}
	cmp, err := resourceversion.CompareResourceVersion(store.LastStoreSyncResourceVersion(), wrote)
	return err != nil || cmp >= 0 // an error is "" or another version that cannot be compared: do not block
}

// gone says whether the store shows that the object with this UID was deleted: absent, replaced, or on its way out.
func (g *Gate) gone(resource string, name cache.ObjectName, uid types.UID) bool {
	store, ok := g.stores[resource]
	if !ok {
		return true
	}
	item, exists, err := store.GetByKey(name.String())
	if err != nil || !exists {
		return true
	}
	accessor, err := meta.Accessor(item)
	return err != nil || accessor.GetUID() != uid || accessor.GetDeletionTimestamp() != nil
}
