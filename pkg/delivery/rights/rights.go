// Package rights notices that somebody changed roles or bindings: what a tenant may
// do has to be verified again then.
package rights

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/go-logr/logr"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// Watcher counts the changes of roles and bindings in one cluster. Nothing is
// watched before the first tenant asks; what changed until then counts as a
// change, because nobody saw it.
type Watcher struct {
	cache cache.Informers
	log   logr.Logger

	once    sync.Once
	changes atomic.Uint64
}

// New returns a watcher that uses the informers of a cache.
func New(informers cache.Informers, log logr.Logger) *Watcher {
	return &Watcher{cache: informers, log: log}
}

// Count returns how many changes there were since the watch began.
func (w *Watcher) Count() uint64 {
	w.once.Do(func() { go w.watch(context.Background()) })
	return w.changes.Load()
}

func (w *Watcher) watch(ctx context.Context) {
	for _, kind := range []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
		obj := &metav1.PartialObjectMetadata{}
		obj.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind(kind))
		informer, err := w.cache.GetInformer(ctx, obj)
		if err == nil {
			_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
				AddFunc: func(_ any, initial bool) {
					if !initial {
						w.changes.Add(1)
					}
				},
				UpdateFunc: func(before, after any) {
					if versionOf(before) != versionOf(after) {
						w.changes.Add(1)
					}
				},
				DeleteFunc: func(any) { w.changes.Add(1) },
			})
		}
		w.changes.Add(1)
		if err != nil {
			w.log.Error(err, "watching rights; a change of them shows at the daily audit only", "kind", kind)
		}
	}
}

func versionOf(obj any) string {
	if o, ok := obj.(metav1.Object); ok {
		return o.GetResourceVersion()
	}
	return ""
}
