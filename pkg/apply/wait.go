package apply

import (
	"context"
	"errors"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"

	"github.com/capstan-gitops/capstan/pkg/health"
)

// settle waits until what a stage changed can be used by the next: definitions
// are established, namespaces active. What the answers already show is not asked
// for again.
func (a *Applier) settle(ctx context.Context, jobs []*job) error {
	var changed []*job
	var kinds []schema.GroupKind
	for _, j := range jobs {
		if j.result.Action != Created && j.result.Action != Configured {
			continue
		}
		changed = append(changed, j)
		if j.Object.GroupVersionKind().GroupKind() == definitionKind {
			kinds = append(kinds, definedKind(j.Object))
		}
	}
	ctx, cancel := a.bound(ctx)
	defer cancel()
	failed := a.each(changed, func(j *job) *ObjectError {
		if err := a.awaitCurrent(ctx, j); err != nil {
			return &ObjectError{ID: j.ID, Step: "wait", Err: err}
		}
		return nil
	})
	if len(kinds) > 0 {
		a.resetMapper()
		if a.opts.Table != nil {
			a.opts.Table.SchemaChanged(kinds...)
		}
	}
	return join(failed)
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

// bound returns a context that ends after the time a stage may take.
func (a *Applier) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := a.opts.Clock.NewTimer(waitBound)
	go func() {
		defer timer.Stop()
		select {
		case <-timer.C():
			cancel(fmt.Errorf("it was not ready after %s", waitBound))
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// awaitCurrent waits until an applied object can be used.
func (a *Applier) awaitCurrent(ctx context.Context, j *job) error {
	for current, delay := j.answer, firstDelay; ; delay = min(2*delay, lastDelay) {
		if finished, err := usable(current); finished || err != nil {
			return err
		}
		finished, err := a.follow(ctx, j, current.GetResourceVersion(), func(e watch.Event) (bool, error) {
			obj, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				return false, nil
			}
			if e.Type == watch.Deleted {
				return false, errors.New("it was deleted while it was awaited")
			}
			return usable(obj)
		})
		if finished || err != nil {
			return err
		}
		if err = a.sleep(ctx, delay); err == nil {
			current, err = a.get(ctx, j.at, j.Object.GetNamespace(), j.Object.GetName())
		}
		if err != nil {
			return cause(ctx, err)
		}
	}
}

// usable reports that others can make use of an object, or why they never will.
func usable(obj *unstructured.Unstructured) (bool, error) {
	if refused := refusal(obj); refused != "" {
		return false, errors.New(refused)
	}
	return health.Of(obj).Status == health.Current, nil
}

// refusal returns why a definition will not be established, or nothing.
func refusal(obj *unstructured.Unstructured) string {
	conditions, _, err := unstructured.NestedSlice(obj.Object, "status", "conditions")
	if err != nil || obj.GroupVersionKind().GroupKind() != definitionKind {
		return ""
	}
	for _, item := range conditions {
		c, ok := item.(map[string]any)
		if ok && c["type"] == "NamesAccepted" && c["status"] == "False" {
			message, _ := c["message"].(string)
			return message
		}
	}
	return ""
}

// awaitAbsence waits until the object with a UID is gone.
func (a *Applier) awaitAbsence(ctx context.Context, j *job, uid types.UID) error {
	ctx, cancel := a.bound(ctx)
	defer cancel()
	for delay := firstDelay; ; delay = min(2*delay, lastDelay) {
		current, err := a.metadata(ctx, j.at, j.Object.GetNamespace(), j.Object.GetName())
		if apierrors.IsNotFound(err) || err == nil && current.GetUID() != uid {
			return nil
		}
		if err != nil {
			return cause(ctx, err)
		}
		finished, err := a.follow(ctx, j, current.GetResourceVersion(), func(e watch.Event) (bool, error) {
			return e.Type == watch.Deleted, nil
		})
		if finished || err != nil {
			return err
		}
		if err := a.sleep(ctx, delay); err != nil {
			return cause(ctx, err)
		}
	}
}

// follow watches one object from a version on until done says so, or until the
// watch ends: then the caller looks for itself, because what it waits for may
// have happened in between.
func (a *Applier) follow(ctx context.Context, j *job, from string, done func(watch.Event) (bool, error)) (finished bool, err error) {
	var objects dynamic.ResourceInterface = a.watch.Resource(j.at.gvr)
	if j.at.namespaced {
		objects = a.watch.Resource(j.at.gvr).Namespace(j.Object.GetNamespace())
	}
	w, err := objects.Watch(ctx, metav1.ListOptions{
		FieldSelector: "metadata.name=" + j.Object.GetName(), ResourceVersion: from,
	})
	if isTransient(err) || apierrors.IsResourceExpired(err) {
		return false, nil
	}
	if err == nil {
		finished, err = consume(ctx, w, done)
	}
	return finished, cause(ctx, err)
}

func consume(ctx context.Context, w watch.Interface, done func(watch.Event) (bool, error)) (bool, error) {
	defer w.Stop()
	for {
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case e, ok := <-w.ResultChan():
			if !ok || e.Type == watch.Error {
				return false, nil
			}
			if finished, err := done(e); finished || err != nil {
				return finished, err
			}
		}
	}
}

// cause prefers the reason for which a context ended over the words of whoever
// noticed.
func cause(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
