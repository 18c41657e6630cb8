package normal

import (
	"encoding/json"
	"maps"
	"reflect"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
)

// types are what this program knows of the built-in APIs.
type types struct {
	kinds map[schema.GroupVersionKind]reflect.Type
	// fields are those of every struct that a kind consists of, by their JSON names.
	fields map[reflect.Type]map[string]field
}

// field is a field of a struct.
type field struct {
	of reflect.Type
	// optional says that empty is the same as absent.
	optional bool
}

var (
	objectMeta  = reflect.TypeFor[metav1.ObjectMeta]()
	unmarshaler = reflect.TypeFor[json.Unmarshaler]()
)

// builtIn are the types of the built-in APIs and no others: the scheme that
// client-go shares with the whole process also has what anybody added to it.
var builtIn = sync.OnceValues(func() (*types, error) {
	all := runtime.NewScheme()
	if err := scheme.AddToScheme(all); err != nil {
		return nil, err
	}
	t := &types{kinds: all.AllKnownTypes(), fields: map[reflect.Type]map[string]field{}}
	t.collect(objectMeta)
	for _, kind := range t.kinds {
		t.collect(kind)
	}
	return t, nil
})

// BuiltIn reports that a kind is part of the built-in APIs that this program knows.
func BuiltIn(gvk schema.GroupVersionKind) bool {
	known, err := builtIn()
	return err == nil && known.kinds[gvk] != nil
}

// collect enters the structs that a type consists of.
func (t *types) collect(of reflect.Type) {
	switch of.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		t.collect(of.Elem())
		return
	case reflect.Struct:
	default:
		return
	}
	if t.fields[of] != nil || reflect.PointerTo(of).Implements(unmarshaler) {
		return
	}
	fields := map[string]field{}
	t.fields[of] = fields
	for i := range of.NumField() {
		f := of.Field(i)
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case name == "-" || !f.IsExported():
			continue
		case name == "" && f.Anonymous:
			t.collect(f.Type)
			maps.Copy(fields, t.fields[f.Type])
			continue
		}
		fields[name] = field{of: f.Type, optional: emptiable(f.Type.Kind()) && strings.Contains(options, "omitempty")}
		t.collect(f.Type)
	}
}

// emptiable reports values that can be there without content.
func emptiable(kind reflect.Kind) bool {
	return kind == reflect.String || kind == reflect.Slice || kind == reflect.Map
}
