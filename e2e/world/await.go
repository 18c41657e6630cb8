package world

import (
	"context"
	"errors"
	"fmt"
	"reflect"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// errWatchEnded says that a watch has to be opened again.
var errWatchEnded = errors.New("the watch ended")

// Await watches an object of the world's cluster, as the function Await does.
func (w *World) Await(ctx context.Context, obj client.Object, done func(exists bool) bool) error {
	return Await(ctx, w.Client, obj, done)
}

// Await watches an object until done is true or the context ends. Before each call of done, obj holds the newest state;
// if there is no such object, exists is false and obj holds the last state seen.
func Await(ctx context.Context, c client.WithWatch, obj client.Object, done func(exists bool) bool) error {
	gvk, err := apiutil.GVKForObject(obj, c.Scheme())
	if err != nil {
		return fmt.Errorf("finding the kind to watch: %w", err)
	}
	for {
		err := awaitOnce(ctx, c, gvk, obj, done)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !errors.Is(err, errWatchEnded):
			return fmt.Errorf("watching %s %s: %w", gvk.Kind, obj.GetName(), err)
		}
	}
}

// awaitOnce lists and watches once.
func awaitOnce(ctx context.Context, c client.WithWatch, gvk schema.GroupVersionKind, obj client.Object, done func(bool) bool) error {
	selection := []client.ListOption{
		client.InNamespace(obj.GetNamespace()),
		client.MatchingFieldsSelector{Selector: fields.OneTermEqualSelector("metadata.name", obj.GetName())},
	}
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(gvk.GroupVersion().WithKind(gvk.Kind + "List"))
	if err := c.List(ctx, list, selection...); err != nil {
		return err
	}
	for i := range list.Items {
		if err := decode(&list.Items[i], obj); err != nil {
			return err
		}
	}
	if done(len(list.Items) > 0) {
		return nil
	}
	from := &client.ListOptions{Raw: rawFrom(list.GetResourceVersion())}
	watcher, err := c.Watch(ctx, list, append(selection, from)...)
	if err != nil {
		return err
	}
	defer watcher.Stop()
	return follow(ctx, watcher, obj, done)
}

func follow(ctx context.Context, watcher watch.Interface, obj client.Object, done func(bool) bool) error {
	for {
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case event, open := <-watcher.ResultChan():
			latest, ok := event.Object.(*unstructured.Unstructured)
			if !open || !ok || event.Type == watch.Error {
				return errWatchEnded
			}
			if err := decode(latest, obj); err != nil {
				return err
			}
			if done(event.Type != watch.Deleted) {
				return nil
			}
		}
	}
}

// decode replaces everything in obj.
func decode(from *unstructured.Unstructured, obj client.Object) error {
	if into, ok := obj.(*unstructured.Unstructured); ok {
		from.DeepCopyInto(into)
		return nil
	}
	reflect.ValueOf(obj).Elem().SetZero()
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(from.Object, obj); err != nil {
		return fmt.Errorf("decoding %s %s: %w", from.GetKind(), from.GetName(), err)
	}
	return nil
}

// rawFrom starts a watch where a list ended.
func rawFrom(resourceVersion string) *metav1.ListOptions {
	return &metav1.ListOptions{ResourceVersion: resourceVersion}
}
