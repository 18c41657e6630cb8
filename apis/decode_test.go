package apis_test

import (
	"encoding/json"
	"testing"

	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
)

// TestListWithBadDurationsDecodes guards against one bad duration that stops the
// whole kind: objects that no controller can act on never hide those beside them.
func TestListWithBadDurationsDecodes(t *testing.T) {
	intervals := []any{"1d", "", "-1m", "1e9h", 5, map[string]any{"a": 1}, []any{true}, nil, "9223372036854775808ns", "10m"}
	items := make([]any, 0, len(intervals))
	for _, interval := range intervals {
		items = append(items, map[string]any{
			"metadata": map[string]any{"name": "app", "namespace": "default"},
			"spec":     map[string]any{"interval": interval, "timeout": interval},
		})
	}
	data, err := json.Marshal(map[string]any{
		"apiVersion": kustomizev1.GroupVersion.String(), "kind": "KustomizationList", "items": items,
	})
	if err != nil {
		t.Fatal(err)
	}
	decoder := serializer.NewCodecFactory(newScheme(t)).UniversalDeserializer()
	obj, err := runtime.Decode(decoder, data)
	if err != nil {
		t.Fatalf("the list does not decode: %v", err)
	}
	list, ok := obj.(*kustomizev1.KustomizationList)
	if !ok || len(list.Items) != len(intervals) {
		t.Fatalf("decoded %T with other than %d items", obj, len(intervals))
	}
	for i := range list.Items {
		_, err := list.Items[i].GetInterval()
		if good := i == len(intervals)-1; (err == nil) != good {
			t.Errorf("interval %v: error %v", intervals[i], err)
		}
	}
}
