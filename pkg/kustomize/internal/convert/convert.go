// Package convert turns resources of the kustomize library into objects.
package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/resource"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/identity"
)

// Object reads a resource without writing it out as text in between. It gives
// what a reader of the library's YAML output would see, nothing for a kustomization
// file, and an error for what is no object: one that was left out would be deleted
// from the cluster.
func Object(r *resource.Resource) (*unstructured.Unstructured, error) {
	m, err := r.Map()
	if err != nil {
		return nil, err
	}
	plain, err := jsonValue(m)
	if err != nil {
		return nil, err
	}
	obj := &unstructured.Unstructured{Object: plain.(map[string]any)}
	if strings.HasPrefix(obj.GetAPIVersion(), "kustomize.config.k8s.io/") {
		return nil, nil
	}
	if f := identity.Check(obj.Object); f != nil {
		return nil, f
	}
	return obj, nil
}

// jsonValue turns what the YAML decoder made into the types of a JSON document as
// Kubernetes reads it: int64 where the number is whole, otherwise float64.
func jsonValue(value any) (any, error) {
	switch v := value.(type) {
	case map[string]any:
		for key, inner := range v {
			out, err := jsonValue(inner)
			if err != nil {
				return nil, err
			}
			v[key] = out
		}
		return v, nil
	case []any:
		for i, inner := range v {
			out, err := jsonValue(inner)
			if err != nil {
				return nil, err
			}
			v[i] = out
		}
		return v, nil
	case nil, string, bool, int64:
		return v, nil
	case int:
		return int64(v), nil
	case uint64:
		return float64(v), nil
	case float64:
		return jsonNumber(v)
	case time.Time:
		return v.Format(time.RFC3339Nano), nil
	}
	if reflect.TypeOf(value).Kind() == reflect.Map {
		return nil, errors.New("it holds a key that is not text: put it in quotes")
	}
	return nil, fmt.Errorf("it holds a value of type %T, which JSON has no form for", value)
}

func jsonNumber(v float64) (any, error) {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil, fmt.Errorf("it holds a number that JSON has no form for")
	}
	// Beyond 1e21 JSON is written with an exponent and stays a float.
	if v == math.Trunc(v) && math.Abs(v) < math.MaxInt64 {
		return int64(v), nil
	}
	return v, nil
}

// Size is the size of a value as JSON, but for escapes.
func Size(value any) int {
	switch v := value.(type) {
	case map[string]any:
		n := 2
		for key, inner := range v {
			n += len(key) + 4 + Size(inner)
		}
		return n
	case []any:
		n := 2
		for _, inner := range v {
			n += 1 + Size(inner)
		}
		return n
	case string:
		return len(v) + 2
	case nil, bool:
		return 5
	}
	b, _ := json.Marshal(value)
	return len(b)
}
