package apply

import (
	"context"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/apply/await"
	"github.com/capstan-gitops/capstan/pkg/apply/refusal"
)

// How long to wait before discovery is asked again, at first and at most.
const (
	firstPause = 50 * time.Millisecond
	lastPause  = 2 * time.Second
)

// wait waits until what a stage changed can be used by the next: definitions are
// established, namespaces active. What the answers already show is not asked for
// again.
func (a *Applier) wait(ctx context.Context, done []written) error {
	var changed []written
	var kinds []schema.GroupKind
	for _, w := range done {
		if w.Action != Created && w.Action != Configured {
			continue
		}
		changed = append(changed, w)
		if w.Object.GroupVersionKind().GroupKind() == await.Definition {
			kinds = append(kinds, definedKind(w.Object))
		}
	}
	ctx, cancel := await.Bound(ctx, a.opts.Clock)
	defer cancel()
	_, late := each(a.workers(), changed, func(w written) (struct{}, *ObjectError) {
		if err := await.Usable(ctx, a.wire, w.at, w.answer); err != nil {
			return struct{}{}, &ObjectError{ID: w.Task.ID, Step: "wait", Err: err}
		}
		return struct{}{}, nil
	})
	if len(kinds) > 0 {
		a.wire.ResetMapper()
		a.discover(ctx, kinds)
	}
	return refusal.Join(late)
}

// discover waits until kinds that were just defined are found. Discovery lags
// behind definitions; what it has not found in time fails by itself.
func (a *Applier) discover(ctx context.Context, kinds []schema.GroupKind) {
	for _, kind := range kinds {
		for pause := firstPause; ctx.Err() == nil; pause = min(2*pause, lastPause) {
			if _, err := a.wire.Find(kind.WithVersion("")); !apimeta.IsNoMatchError(err) {
				break
			}
			timer := a.opts.Clock.NewTimer(pause)
			select {
			case <-ctx.Done():
			case <-timer.C():
			}
			timer.Stop()
		}
	}
}

// definedKind returns the kind that a definition defines.
func definedKind(obj *unstructured.Unstructured) schema.GroupKind {
	text := func(path ...string) string {
		s, _, err := unstructured.NestedString(obj.Object, path...)
		if err != nil {
			return ""
		}
		return s
	}
	return schema.GroupKind{Group: text("spec", "group"), Kind: text("spec", "names", "kind")}
}
