package ignore

import (
	"reflect"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// Mask returns the answer to a dry-run with every ignored field as it is in the
// live object, so that the two differ in what is not ignored. The desired object
// says which items of lists the paths mean.
func (p Paths) Mask(desired, live, answer *unstructured.Unstructured, o Owners) *unstructured.Unstructured {
	masked := answer.DeepCopy()
	for _, ptr := range p.pointers {
		if fields, ok := overlay(masked.Object, live.Object, desired.Object, o.root(), ptr).(map[string]any); ok {
			masked.Object = fields
		}
	}
	p.keep(masked, answer)
	return masked
}

// overlay returns a value with what a pointer leads to taken from the live one.
func overlay(into, live, desired any, at place, ptr pointer) any {
	if len(ptr) == 0 {
		if isAbsent(live) {
			return live
		}
		return runtime.DeepCopyJSONValue(live)
	}
	switch v := into.(type) {
	case absent:
		child := overlay(into, field(live, ptr[0]), field(desired, ptr[0]), at.field(ptr[0]), ptr[1:])
		if isAbsent(child) {
			return into
		}
		return map[string]any{ptr[0]: child}
	case map[string]any:
		child := overlay(field(v, ptr[0]), field(live, ptr[0]), field(desired, ptr[0]), at.field(ptr[0]), ptr[1:])
		if !isAbsent(child) {
			v[ptr[0]] = child
			return v
		}
		delete(v, ptr[0])
		if len(v) == 0 && isAbsent(live) {
			return absent{}
		}
		return v
	case []any:
		return overlayItem(v, live, desired, at, ptr)
	}
	return into
}

// overlayItem does so for an item of a list.
func overlayItem(into []any, live, desired any, at place, ptr pointer) any {
	source, ok := desired.([]any)
	if !ok {
		source = into
	}
	i, ok := index(ptr[0], len(source))
	if !ok {
		return into
	}
	list, _ := live.([]any)
	here, there := at.finder(into).find(source[i], i), at.finder(list).find(source[i], i)
	if here < 0 {
		return into
	}
	l := item(live, there)
	child := overlay(into[here], l, source[i], at.child(at.element(orElse(l, source[i]), i)), ptr[1:])
	if isAbsent(child) {
		return slices.Delete(into, here, here+1)
	}
	into[here] = child
	return into
}

// Covers reports that every field of a set is ignored.
func (p Paths) Covers(desired *unstructured.Unstructured, set *fieldpath.Set) bool {
	covered := true
	set.Iterate(func(path fieldpath.Path) {
		covered = covered && !p.keeps(path) &&
			slices.ContainsFunc(p.pointers, func(ptr pointer) bool { return leads(ptr, path, desired.Object) })
	})
	return covered
}

// keeps reports a path to a kept label.
func (p Paths) keeps(path fieldpath.Path) bool {
	return slices.ContainsFunc(p.kept, func(key string) bool {
		return path.Equals(fieldpath.MakePathOrDie("metadata", "labels", key))
	})
}

// leads reports that a pointer leads to a field, or to something the field is in.
func leads(ptr pointer, path fieldpath.Path, desired any) bool {
	if len(path) < len(ptr) {
		return false
	}
	for n, part := range ptr {
		pe := path[n]
		if pe.FieldName != nil {
			if *pe.FieldName != part {
				return false
			}
			desired = field(desired, part)
			continue
		}
		list, _ := desired.([]any)
		i, ok := index(part, len(list))
		if !ok || !means(pe, list[i], i) {
			return false
		}
		desired = list[i]
	}
	return true
}

// means reports that the owners' name of an item is that of an item of the desired
// list.
func means(pe fieldpath.PathElement, desired any, at int) bool {
	switch {
	case pe.Index != nil:
		return *pe.Index == at
	case pe.Value != nil:
		return reflect.DeepEqual((*pe.Value).Unstructured(), desired)
	case pe.Key != nil:
		names, fields := make([]string, 0, len(*pe.Key)), map[string]any{}
		for _, f := range *pe.Key {
			names = append(names, f.Name)
			fields[f.Name] = value.Value(f.Value).Unstructured()
		}
		return sameKeys(names, fields, desired)
	}
	return false
}
