package normal

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// typed holds the object against the type of its kind, or its metadata alone if
// the kind has none here. Roles are left as written: their aggregation makes an
// absent rule list mean something else than an empty one.
func typed(obj *unstructured.Unstructured) error {
	gvk := obj.GroupVersionKind()
	types, err := builtIn()
	if err != nil {
		return fmt.Errorf("collecting the built-in types: %w", err)
	}
	r := reader{types}
	role := gvk.Group == "rbac.authorization.k8s.io" && (gvk.Kind == "Role" || gvk.Kind == "ClusterRole")
	if t, known := types.kinds[gvk]; known && !role {
		out, err := r.value("", obj.Object, t)
		if err != nil {
			return err
		}
		obj.Object = out.(map[string]any) //nolint:forcetypeassert // Every kind is a struct.
		return nil
	}
	metadata, err := r.value(".metadata", obj.Object["metadata"], objectMeta)
	if err != nil {
		return err
	}
	obj.Object["metadata"] = metadata
	return nil
}

// reader reads values as types do. Errors name the path of a field and the kind of
// value that was found there, never the value.
type reader struct{ *types }

// value returns a value as a type reads it, and never changes the value itself.
// Unknown fields stay.
func (r reader) value(path string, value any, t reflect.Type) (any, error) {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch {
	case t.Kind() == reflect.Interface:
		return value, nil
	case reflect.PointerTo(t).Implements(unmarshaler):
		return readCustom(path, value, t)
	case t.Kind() == reflect.Struct:
		return r.structure(path, value, t)
	case t.Kind() == reflect.Map:
		return r.mapping(path, value, t)
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		return readBytes(path, value)
	case t.Kind() == reflect.Slice:
		return r.list(path, value, t)
	}
	return value, checkScalar(path, value, t)
}

// expected says what a type that decodes itself is written as.
var expected = map[reflect.Type]string{
	reflect.TypeFor[resource.Quantity]():  "a quantity",
	reflect.TypeFor[intstr.IntOrString](): "a number or a string",
	reflect.TypeFor[metav1.Time]():        "a time",
	reflect.TypeFor[metav1.MicroTime]():   "a time",
	reflect.TypeFor[metav1.Duration]():    "a duration",
}

// readCustom reads what a type decodes by itself. Quantities have many spellings,
// and become the one that the API server answers with.
func readCustom(path string, value any, t reflect.Type) (any, error) {
	text, err := json.Marshal(value)
	if err != nil {
		return nil, fieldError(path, "a value that JSON has", value)
	}
	into := reflect.New(t)
	if into.Interface().(json.Unmarshaler).UnmarshalJSON(text) != nil { //nolint:forcetypeassert // The caller checked it.
		what := expected[t]
		if what == "" {
			what = "another value"
		}
		return nil, fieldError(path, what, value)
	}
	if quantity, ok := into.Interface().(*resource.Quantity); ok {
		return quantity.String(), nil
	}
	return value, nil
}

// structure leaves out what the type reads as absent: null, and empty texts, lists
// and maps of optional fields. To apply them would be to own what others fill in.
func (r reader) structure(path string, value any, t reflect.Type) (any, error) {
	entries, ok := value.(map[string]any)
	if !ok {
		return nil, fieldError(path, "a map", value)
	}
	known := r.fields[t]
	out := make(map[string]any, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		entry := entries[name]
		f, declared := known[name]
		switch {
		case !declared:
			out[name] = entry
			continue
		case entry == nil:
			continue
		}
		made, err := r.value(path+step(name), entry, f.of)
		if err != nil {
			return nil, err
		}
		if !f.optional || !empty(made) {
			out[name] = made
		}
	}
	return out, nil
}

// mapping turns null into the zero value, as the API server does: the key is there,
// and would otherwise be found to differ for ever.
func (r reader) mapping(path string, value any, t reflect.Type) (any, error) {
	entries, ok := value.(map[string]any)
	if !ok {
		return nil, fieldError(path, "a map", value)
	}
	out := make(map[string]any, len(entries))
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		made, err := r.element(path+step(name), entries[name], t.Elem())
		if err != nil {
			return nil, err
		}
		out[name] = made
	}
	return out, nil
}

func (r reader) list(path string, value any, t reflect.Type) (any, error) {
	items, ok := value.([]any)
	if !ok {
		return nil, fieldError(path, "a list", value)
	}
	out := make([]any, len(items))
	for i, item := range items {
		var err error
		if out[i], err = r.element(fmt.Sprintf("%s[%d]", path, i), item, t.Elem()); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// element reads an element of a map or a list, where null stands for the zero
// value if that is no map or list.
func (r reader) element(path string, value any, t reflect.Type) (any, error) {
	if value == nil {
		switch {
		case t == reflect.TypeFor[resource.Quantity]():
			return "0", nil
		case t.Kind() == reflect.String, t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
			return "", nil
		}
	}
	return r.value(path, value, t)
}

// readBytes brings base64 into one spelling: line breaks mean nothing in it.
func readBytes(path string, value any) (any, error) {
	text, ok := value.(string)
	if !ok {
		return nil, fieldError(path, "a base64 string", value)
	}
	plain, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, fmt.Errorf("%s: a base64 string is expected, and it is another string", path)
	}
	if canonical := base64.StdEncoding.EncodeToString(plain); canonical != text {
		return canonical, nil
	}
	return text, nil
}

func checkScalar(path string, value any, t reflect.Type) error {
	ok, what := false, ""
	switch t.Kind() {
	case reflect.String:
		_, ok = value.(string)
		what = "a string"
	case reflect.Bool:
		_, ok = value.(bool)
		what = "a boolean"
	case reflect.Float32, reflect.Float64:
		ok = kindOf(value) == "a number"
		what = "a number"
	default:
		ok = fits(value, t)
		what = "a whole number"
		if bits := t.Bits(); bits < 64 {
			what = fmt.Sprintf("a whole number of %d bits", bits)
		}
	}
	if !ok {
		return fieldError(path, what, value)
	}
	return nil
}

// fits reports that a value is a whole number that the type has room for.
func fits(value any, t reflect.Type) bool {
	n, ok := value.(int64)
	if f, isFloat := value.(float64); isFloat {
		n, ok = int64(f), f == math.Trunc(f) && math.Abs(f) < 1<<53
	}
	switch {
	case !ok:
		return false
	case t.Kind() >= reflect.Uint && t.Kind() <= reflect.Uint64:
		return n >= 0 && !reflect.Zero(t).OverflowUint(uint64(n))
	}
	return !reflect.Zero(t).OverflowInt(n)
}

// empty reports a text, list or map without content. False and zero are values: who
// writes "paused: false" wants it kept so.
func empty(value any) bool {
	switch v := value.(type) {
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
