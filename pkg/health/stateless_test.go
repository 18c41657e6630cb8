package health

import (
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// TestStatelessKindsAreCurrent says that not reading an object gives the assessment
// that reading it would.
func TestStatelessKindsAreCurrent(t *testing.T) {
	for gk := range stateless {
		obj := &unstructured.Unstructured{Object: map[string]any{"metadata": map[string]any{"name": "x", "generation": int64(2)}}}
		obj.SetGroupVersionKind(gk.WithVersion("v1"))
		if got := Of(obj); got.Status != Current {
			t.Errorf("%s: a plain object is %s", gk, got.Status)
		}
		if !(Rules{}).ByExistence(gk) {
			t.Errorf("%s is read although it need not be", gk)
		}
	}
}

func TestByExistence(t *testing.T) {
	rules, err := NewCompiler(10).Compile([]Rule{{APIVersion: "v1", Kind: "ConfigMap", Current: "true"}, {APIVersion: "networking.k8s.io/v1", Current: "true"}})
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		why  string
		gk   schema.GroupKind
		want bool
	}{
		"Deployment": {"its status says it", schema.GroupKind{Group: "apps", Kind: "Deployment"}, false},
		"Service":    {"one of type LoadBalancer waits for its address", schema.GroupKind{Kind: "Service"}, false},
		"Secret":     {"nobody wrote a rule for it", schema.GroupKind{Kind: "Secret"}, true},
		"Ruled":      {"the rule of the user decides", schema.GroupKind{Kind: "ConfigMap"}, false},
		"RuledGroup": {"so does one for the group", schema.GroupKind{Group: "networking.k8s.io", Kind: "NetworkPolicy"}, false},
		"OtherGroup": {"a kind of the same name may be anything", schema.GroupKind{Group: "example.com", Kind: "ConfigMap"}, false},
	} {
		if got := rules.ByExistence(tc.gk); got != tc.want {
			t.Errorf("%s: %s: got %t", name, tc.why, got)
		}
	}
}
