package fleet

import (
	"context"
	"fmt"

	"github.com/capstan-gitops/capstan/apis/meta"
)

// Variables is a set of ConfigMaps or Secrets that units take values from; each holds one variable of its own name.
type Variables struct {
	// Kind is ConfigMap or Secret.
	Kind string
	Name string
}

func (v Variables) path() string {
	if v.Kind == "Secret" {
		return "/api/v1/namespaces/" + home + "/secrets"
	}
	return "/api/v1/namespaces/" + home + "/configmaps"
}

func (v Variables) field() string {
	if v.Kind == "Secret" {
		return "stringData"
	}
	return "data"
}

// Offer creates one with a value, labelled so that whoever uses it is woken when it changes.
func (f *Fleet) Offer(ctx context.Context, v Variables, value string) error {
	return f.create(ctx, v.path(), map[string]any{
		"apiVersion": "v1", "kind": v.Kind,
		"metadata": map[string]any{"name": v.Name, "labels": map[string]any{meta.LabelWatch: meta.WatchEnabled}},
		v.field():  map[string]any{v.Name: value},
	})
}

func references(from []Variables) (all []any) {
	for _, v := range from {
		all = append(all, map[string]any{"kind": v.Kind, "name": v.Name})
	}
	return all
}

// Change gives one another value.
func (f *Fleet) Change(ctx context.Context, v Variables, value string) error {
	_, err := f.Patch(ctx, v.path()+"/"+v.Name, map[string]any{v.field(): map[string]any{v.Name: value}})
	return err
}

// Substitute has a unit take values from these, and returns the files that use them.
func (u *Unit) Substitute(from []Variables) (map[string]string, error) {
	value := ""
	for _, v := range from {
		value += "${" + v.Name + "}."
	}
	u.Spec["postBuild"] = map[string]any{"substituteFrom": references(from)}
	text, err := u.Config(value)
	if err != nil {
		return nil, fmt.Errorf("writing what %s substitutes: %w", u.Name, err)
	}
	return map[string]string{u.ConfigFile(): text}, nil
}
