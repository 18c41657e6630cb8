package reconciler

import (
	"strconv"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// writes remembers the resource version of our last write to each object, until
// the cache has caught up with it. A pass must never start from a status that is
// older than what the last one wrote: it would forget what was applied.
type writes struct {
	mu   sync.Mutex
	last map[types.NamespacedName]written
}

type written struct {
	uid     types.UID
	version uint64
}

func (w *writes) remember(obj client.Object) {
	version, err := strconv.ParseUint(obj.GetResourceVersion(), 10, 64)
	if err != nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.last == nil {
		w.last = map[types.NamespacedName]written{}
	}
	w.last[client.ObjectKeyFromObject(obj)] = written{uid: obj.GetUID(), version: version}
}

// stale reports whether the cached object is older than our last write to it.
func (w *writes) stale(key types.NamespacedName, cached client.Object) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	mine, ok := w.last[key]
	if !ok {
		return false
	}
	version, err := strconv.ParseUint(cached.GetResourceVersion(), 10, 64)
	if err == nil && mine.uid == cached.GetUID() && version < mine.version {
		return true
	}
	delete(w.last, key)
	return false
}

func (w *writes) forget(key types.NamespacedName) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.last, key)
}
