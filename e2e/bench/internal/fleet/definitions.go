package fleet

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/table"
)

const definitionsPath = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"

// Define applies so many definitions of foreign kinds of a group, one after another as kubectl does, and waits until all
// are served.
func (f *Fleet) Define(ctx context.Context, group string, n int) error {
	if n == 0 {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	all, err := table.Open[State](ctx, f.api, definitionsPath)
	if err != nil {
		return err
	}
	for i := range n {
		body := definition(group, i)
		path := definitionsPath + "/" + definitionName(group, i)
		request := f.api.Patch(types.ApplyPatchType).AbsPath(path).Param("fieldManager", "kubectl")
		if err := f.send(request, body).Do(ctx).Error(); err != nil {
			return fmt.Errorf("defining a kind: %w", err)
		}
	}
	_, err = all.Await(ctx, func(rows map[string]State) bool {
		for i := range n {
			if rows["/"+definitionName(group, i)].Condition("Established").Status != "True" {
				return false
			}
		}
		return true
	})
	if err != nil {
		return fmt.Errorf("waiting until %d kinds are served: %w", n, err)
	}
	return nil
}

func definitionName(group string, i int) string { return fmt.Sprintf("kind%04ds.%s", i, group) }

func definition(group string, i int) map[string]any {
	plural, kind := fmt.Sprintf("kind%04ds", i), fmt.Sprintf("Kind%04d", i)
	text := map[string]any{"type": "string"}
	return map[string]any{
		"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
		"metadata": map[string]any{"name": definitionName(group, i)},
		"spec": map[string]any{
			"group": group, "scope": "Namespaced",
			"names": map[string]any{"plural": plural, "singular": fmt.Sprintf("kind%04d", i), "kind": kind, "listKind": kind + "List"},
			"versions": []any{map[string]any{
				"name": "v1", "served": true, "storage": true,
				"schema": map[string]any{"openAPIV3Schema": map[string]any{
					"type": "object",
					"properties": map[string]any{"spec": map[string]any{
						"type": "object", "properties": map[string]any{"size": text, "region": text, "owner": text},
					}},
				}},
			}},
		},
	}
}
