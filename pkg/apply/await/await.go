// Package await waits for what an apply or a deletion leads to, by watching the
// one object in question: nothing is asked for at intervals unless a watch fails.
package await

import (
	"context"
	"errors"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply/wire"
	"github.com/capstan-gitops/capstan/pkg/health"
)

// Limit is how long a stage may take until what later stages need is there.
const Limit = 60 * time.Second

// Definition is the kind of definitions.
var Definition = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}

// errLate is the cause of a context whose time has passed.
var errLate = fmt.Errorf("it was not ready after %s", Limit)

// Bound returns a context that ends after the time a stage may take.
func Bound(ctx context.Context, clk clock.WithTicker) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := clk.NewTimer(Limit)
	go func() {
		defer timer.Stop()
		select {
		case <-timer.C():
			cancel(errLate)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(context.Canceled) }
}

// Usable waits until others can make use of an object, which is known as the
// answer to its apply. When it takes too long, the error says how far it has come.
func Usable(ctx context.Context, c *wire.Client, at wire.Ref, current *unstructured.Unstructured) error {
	seen := current
	err := usable(ctx, c, at, &seen)
	if err != nil && errors.Is(context.Cause(ctx), errLate) {
		if message := health.Of(seen).Message; message != "" {
			return fmt.Errorf("%w: %s", errLate, message)
		}
		return errLate
	}
	return cause(ctx, err)
}

func usable(ctx context.Context, c *wire.Client, at wire.Ref, seen **unstructured.Unstructured) error {
	for delay := wire.FirstDelay; ; delay = min(2*delay, wire.LastDelay) {
		if finished, err := judge(*seen); finished || err != nil {
			return err
		}
		finished, err := follow(ctx, c, at, (*seen).GetResourceVersion(), func(e watch.Event) (bool, error) {
			obj, ok := e.Object.(*unstructured.Unstructured)
			if !ok {
				return false, nil
			}
			if e.Type == watch.Deleted {
				return false, errors.New("it was deleted while it was awaited")
			}
			*seen = obj
			return judge(obj)
		})
		if finished || err != nil {
			return err
		}
		if err := c.Sleep(ctx, delay); err != nil {
			return err
		}
		current, err := c.Get(ctx, at, true)
		if err != nil {
			return err
		}
		*seen = current
	}
}

// judge reports that others can make use of an object, or why they never will.
func judge(obj *unstructured.Unstructured) (bool, error) {
	if refused := refusal(obj); refused != "" {
		return false, errors.New(refused)
	}
	return health.Of(obj).Status == health.Current, nil
}

// refusal returns why a definition will not be established, or nothing.
func refusal(obj *unstructured.Unstructured) string {
	conditions, _, err := unstructured.NestedSlice(obj.Object, "status", "conditions")
	if err != nil || obj.GroupVersionKind().GroupKind() != Definition {
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

// Absence waits until the object with a UID is gone.
func Absence(ctx context.Context, c *wire.Client, at wire.Ref, uid types.UID) error {
	for delay := wire.FirstDelay; ; delay = min(2*delay, wire.LastDelay) {
		current, err := c.Get(ctx, at, false)
		if apierrors.IsNotFound(err) || err == nil && current.GetUID() != uid {
			return nil
		}
		if err != nil {
			return cause(ctx, err)
		}
		finished, err := follow(ctx, c, at, current.GetResourceVersion(), func(e watch.Event) (bool, error) {
			return e.Type == watch.Deleted, nil
		})
		if finished || err != nil {
			return cause(ctx, err)
		}
		if err := c.Sleep(ctx, delay); err != nil {
			return cause(ctx, err)
		}
	}
}

// follow watches one object from a version on until done says so, or until the
// watch ends: then the caller reads for itself, because what it waits for may
// have happened in between.
func follow(ctx context.Context, c *wire.Client, at wire.Ref, from string, done func(watch.Event) (bool, error)) (finished bool, err error) {
	w, err := c.Watch(ctx, at, from)
	if err == nil {
		return consume(ctx, w, done)
	}
	if wire.Transient(err) || apierrors.IsResourceExpired(err) || apierrors.IsForbidden(err) || apierrors.IsMethodNotSupported(err) {
		// The caller reads again after a while, which does not need the right to watch.
		return false, nil
	}
	return false, err
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
