package kustomize

import (
	"fmt"
	"testing"
	"testing/fstest"

	"github.com/capstan-gitops/capstan/pkg/kustomize/substitute"
)

// bigTree is one folder of count objects, a file each: Deployments, Services and
// ConfigMaps in turn, in folders of a hundred.
func bigTree(t testing.TB, count int) fstest.MapFS {
	t.Helper()
	files := tree{}
	for i := range count {
		name := fmt.Sprintf("app-%04d", i)
		files[fmt.Sprintf("team-%02d/%s.yaml", i/100, name)] = bigObject(i, name)
	}
	return files.fs(t)
}

func bigObject(i int, name string) map[string]any {
	labels := map[string]any{"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "shop"}
	var obj map[string]any
	switch i % 3 {
	case 0:
		obj = object("apps/v1", "Deployment", name, "spec", map[string]any{
			"replicas": 2,
			"selector": map[string]any{"matchLabels": labels},
			"template": map[string]any{
				"metadata": map[string]any{"labels": labels},
				"spec": map[string]any{"containers": []any{map[string]any{
					"name": "main", "image": "registry.example.com/shop/" + name + ":1.2.3",
					"ports": []any{map[string]any{"name": "http", "containerPort": 8080}},
					"env":   []any{map[string]any{"name": "REGION", "value": "${region}"}, map[string]any{"name": "LEVEL", "value": "info"}},
					"resources": map[string]any{"requests": map[string]any{"cpu": "100m", "memory": "128Mi"},
						"limits": map[string]any{"memory": "256Mi"}},
				}}},
			},
		})
	case 1:
		obj = object("v1", "Service", name, "spec", map[string]any{
			"selector": labels, "ports": []any{map[string]any{"port": 80, "targetPort": "http"}}})
	default:
		obj = configMap(name, "region", "${region}", "level", "info", "note", "a line of text that says something")
	}
	meta := obj["metadata"].(map[string]any)
	meta["namespace"], meta["labels"] = "shop", labels
	return obj
}

// change makes every build see another content of one file.
func change(files fstest.MapFS, i int) {
	const name = "team-00/app-0002.yaml"
	files[name] = &fstest.MapFile{Data: fmt.Appendf(nil,
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: app-0002, namespace: shop}\ndata: {turn: \"%d\"}\n", i)}
}

func BenchmarkBuild(b *testing.B) {
	for _, size := range []int{4, 100, 5000} {
		files := bigTree(b, size)
		requests := map[string]Request{
			"Plain":      {FS: files},
			"Namespace":  {FS: files, Overlay: Overlay{TargetNamespace: "prod"}},
			"Substitute": {FS: files, Substitution: &substitute.Variables{Values: map[string]string{"region": "eu"}, Strict: true}},
		}
		for name, req := range requests {
			b.Run(fmt.Sprintf("%s/First/%d", name, size), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					b.StopTimer()
					builder := NewBuilder(Options{})
					b.StartTimer()
					if _, err := builder.Build(b.Context(), req); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("%s/OneFileChanged/%d", name, size), func(b *testing.B) {
				builder := NewBuilder(Options{})
				if _, err := builder.Build(b.Context(), req); err != nil {
					b.Fatal(err)
				}
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					change(files, i)
					if _, err := builder.Build(b.Context(), req); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
