package faults

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/util/retry"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

// following is how long the API server may take to follow a changed definition.
const following = 30 * time.Second

// TestUnreadableDurations guards against one bad duration that stops the whole kind, past our definition: what the schema would refuse as a duration, in etcd all the same.
func TestUnreadableDurations(t *testing.T) {
	goOnBeside(t, "durations", map[string]any{
		"day": map[string]any{"interval": "1d"}, "empty": map[string]any{"interval": ""}, "negative": map[string]any{"interval": "-1m"},
		"large": map[string]any{"interval": "1e9h"}, "nanoseconds": map[string]any{"interval": "1h", "timeout": "9223372036854775808ns"},
		"number": map[string]any{"interval": int64(5), "retryInterval": int64(-1)},
	})
}

// TestUndecodableObjects guards against one object that stops the whole kind: Kustomizations that no type of ours can hold are in etcd, as they are after a
// definition was relaxed or a backup restored.
func TestUndecodableObjects(t *testing.T) {
	goOnBeside(t, "undecodable", map[string]any{
		"path-is-a-map":  map[string]any{"interval": "1h", "path": map[string]any{"a": "b"}},
		"prune-is-text":  map[string]any{"interval": "1h", "prune": "yes"},
		"spec-is-a-list": []any{"a"},
	})
}

// goOnBeside stores Kustomizations with hostile specs, and checks that others go on, also when the controller starts anew
// and finds them.
func goOnBeside(t *testing.T, name string, hostile map[string]any) {
	t.Helper()
	s := scene(t, name, "maps")
	c := newController(t, name)
	repository := s.Repository("state-1")
	app := repository.Sync("app", c.ours())
	app.BecomesReady()
	relax(t)
	for _, name := range slices.Sorted(maps.Keys(hostile)) {
		obj := &unstructured.Unstructured{Object: map[string]any{"spec": hostile[name]}}
		obj.SetGroupVersionKind(kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
		obj.SetNamespace(s.Namespace)
		obj.SetName(name)
		obj.SetLabels(map[string]string{shardLabel: c.shard})
		until(t, name+" is stored", following, func(ctx context.Context) (bool, string) {
			err := shared.Client.Create(ctx, obj.DeepCopy())
			return err == nil, message(err)
		})
		t.Cleanup(func() { _ = shared.Client.Delete(context.WithoutCancel(t.Context()), obj) })
	}
	s.Then("the others go on")
	app.Applies(repository.Commit("state-2"))
	s.When("the controller starts anew and finds them")
	if err := c.again(); err != nil {
		t.Fatal(err)
	}
	app.Applies(repository.Commit("state-3"))
	repository.SyncAs("late", "app", c.ours(), steps.Prefixed("late-")).BecomesReady()
	c.lives(t)
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// relax lets the API server store any Kustomization until the test ends.
func relax(t *testing.T) {
	t.Helper()
	kind := schema.GroupVersionKind{Group: "apiextensions.k8s.io", Version: "v1", Kind: "CustomResourceDefinition"}
	change := func(ctx context.Context, versions func(old []any) []any) (old []any, err error) {
		return old, retry.RetryOnConflict(retry.DefaultRetry, func() error {
			definition := &unstructured.Unstructured{}
			definition.SetGroupVersionKind(kind)
			if err := shared.Client.Get(ctx, client.ObjectKey{Name: "kustomizations.kustomize.toolkit.fluxcd.io"}, definition); err != nil {
				return err
			}
			old, _, err = unstructured.NestedSlice(definition.Object, "spec", "versions")
			if err != nil {
				return err
			}
			if err := unstructured.SetNestedSlice(definition.Object, versions(old), "spec", "versions"); err != nil {
				return err
			}
			return shared.Client.Update(ctx, definition)
		})
	}
	strict, err := change(t.Context(), func(old []any) []any {
		var loose []any
		for _, v := range old {
			version := maps.Clone(v.(map[string]any)) //nolint:forcetypeassert // The schema says so.
			version["schema"] = map[string]any{"openAPIV3Schema": map[string]any{"type": "object", "x-kubernetes-preserve-unknown-fields": true}}
			loose = append(loose, version)
		}
		return loose
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := change(context.WithoutCancel(t.Context()), func([]any) []any { return strict }); err != nil {
			t.Error(err)
		}
	})
}
