package controller

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

// rights counts the changes of roles and bindings. Nothing is watched before the
// first tenant asks; what changed until then counts as a change, because nobody
// saw it.
type rights struct {
	cache cache.Informers
	log   logr.Logger

	once    sync.Once
	changes atomic.Uint64
}

// count returns how many changes there were since the watch began.
func (r *rights) count() uint64 {
	r.once.Do(func() { go r.watch(context.Background()) })
	return r.changes.Load()
}

func (r *rights) watch(ctx context.Context) {
	for _, kind := range []string{"Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"} {
		obj := &metav1.PartialObjectMetadata{}
		obj.SetGroupVersionKind(rbacv1.SchemeGroupVersion.WithKind(kind))
		informer, err := r.cache.GetInformer(ctx, obj)
		if err == nil {
			_, err = informer.AddEventHandler(toolscache.ResourceEventHandlerDetailedFuncs{
				AddFunc: func(_ any, initial bool) {
					if !initial {
						r.changes.Add(1)
					}
				},
				UpdateFunc: func(before, after any) {
					if versionOf(before) != versionOf(after) {
						r.changes.Add(1)
					}
				},
				DeleteFunc: func(any) { r.changes.Add(1) },
			})
		}
		r.changes.Add(1)
		if err != nil {
			r.log.Error(err, "watching rights; a change of them shows at the daily audit only", "kind", kind)
		}
	}
}

func versionOf(obj any) string {
	if o, ok := obj.(metav1.Object); ok {
		return o.GetResourceVersion()
	}
	return ""
}
