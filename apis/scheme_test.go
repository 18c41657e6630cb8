package apis_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	helmv2 "github.com/capstan-gitops/capstan/apis/helm/v2"
	imagev1 "github.com/capstan-gitops/capstan/apis/image/v1"
	imagev1beta1 "github.com/capstan-gitops/capstan/apis/image/v1beta1"
	imagev1beta2 "github.com/capstan-gitops/capstan/apis/image/v1beta2"
	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	sourceextv1beta1 "github.com/capstan-gitops/capstan/apis/sourceext/v1beta1"
)

func newScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		sourcev1.AddToScheme, sourceextv1beta1.AddToScheme, kustomizev1.AddToScheme, helmv2.AddToScheme,
		notificationv1.AddToScheme, notificationv1beta3.AddToScheme,
		imagev1.AddToScheme, imagev1beta1.AddToScheme, imagev1beta2.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return scheme
}

// TestSchemeKnowsEveryServedKind takes the kinds from the definitions, so that a
// kind can not be defined and left out of the scheme.
func TestSchemeKnowsEveryServedKind(t *testing.T) {
	scheme := newScheme(t)
	for _, crd := range loadCRDs(t) {
		for _, v := range crd.Spec.Versions {
			for _, kind := range []string{crd.Spec.Names.Kind, crd.Spec.Names.ListKind} {
				gvk := schema.GroupVersionKind{Group: crd.Spec.Group, Version: v.Name, Kind: kind}
				obj, err := scheme.New(gvk)
				if err != nil {
					t.Errorf("the scheme does not know %s: %v", gvk, err)
					continue
				}
				if _, ok := obj.(meta.Reconciled); ok && v.Storage && v.Subresources == nil {
					t.Errorf("%s is reconciled and has no status subresource", gvk)
				}
			}
		}
	}
}

// TestDeepCopiesShareNothing fills every field of every kind, and changes each
// copy without changing the original.
func TestDeepCopiesShareNothing(t *testing.T) {
	scheme := newScheme(t)
	for gvk := range scheme.AllKnownTypes() {
		if gvk.Group == "" || gvk.Kind == "WatchEvent" || !ownType(scheme, gvk) {
			continue
		}
		t.Run(gvk.Version+gvk.Kind, func(t *testing.T) {
			obj, err := scheme.New(gvk)
			if err != nil {
				t.Fatal(err)
			}
			fill(reflect.ValueOf(obj).Elem(), 0)
			before, err := json.Marshal(obj)
			if err != nil {
				t.Fatal(err)
			}
			copied := obj.DeepCopyObject()
			if diff := cmp.Diff(obj, copied); diff != "" {
				t.Fatalf("the copy differs (-original +copy):\n%s", diff)
			}
			disturb(reflect.ValueOf(copied).Elem(), 0)
			after, err := json.Marshal(obj)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(before), string(after)); diff != "" {
				t.Errorf("changing the copy changed the original:\n%s", diff)
			}
		})
	}
}

func ownType(scheme *runtime.Scheme, gvk schema.GroupVersionKind) bool {
	obj, err := scheme.New(gvk)
	if err != nil {
		return false
	}
	path := reflect.TypeOf(obj).Elem().PkgPath()
	return len(path) > 0 && path != "k8s.io/apimachinery/pkg/apis/meta/v1"
}

const depthLimit = 12

// fill sets pointers, maps and slices that our types have, so that there is
// something to share.
func fill(v reflect.Value, depth int) {
	if depth > depthLimit || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), depth+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0), depth+1)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, depth+1)
		v.SetMapIndex(reflect.New(v.Type().Key()).Elem(), value)
	case reflect.Struct:
		if opaque(v) {
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i), depth+1)
		}
	case reflect.String:
		v.SetString("original")
	default:
	}
}

// disturb changes everything that a copy could share with its original.
func disturb(v reflect.Value, depth int) {
	if depth > depthLimit || !v.CanSet() {
		return
	}
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			disturb(v.Elem(), depth+1)
		}
	case reflect.Slice:
		for i := range v.Len() {
			disturb(v.Index(i), depth+1)
		}
	case reflect.Map:
		for _, key := range v.MapKeys() {
			disturbEntry(v, key, depth)
		}
	case reflect.Struct:
		if opaque(v) {
			return
		}
		for i := range v.NumField() {
			disturb(v.Field(i), depth+1)
		}
	case reflect.String:
		v.SetString("changed")
	default:
	}
}

// disturbEntry changes what an entry points to, then drops the entry itself.
func disturbEntry(m, key reflect.Value, depth int) {
	if entry := m.MapIndex(key); entry.Kind() == reflect.Pointer && !entry.IsNil() {
		disturb(entry.Elem(), depth+1)
	}
	m.SetMapIndex(key, reflect.Value{})
}

// opaque reports whether a struct is a time or raw JSON, whose text has rules of its
// own.
func opaque(v reflect.Value) bool {
	switch v.Type().String() {
	case "v1.Time", "v1.FieldsV1", "v1.JSON", "runtime.RawExtension":
		return true
	default:
		return false
	}
}
