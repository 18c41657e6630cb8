package ignore

import (
	"reflect"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// absent stands for a value that is not there.
type absent struct{}

func isAbsent(v any) bool { _, ok := v.(absent); return ok }

func field(of any, name string) any {
	if m, ok := of.(map[string]any); ok {
		if v, ok := m[name]; ok {
			return v
		}
	}
	return absent{}
}

func item(of any, index int) any {
	if list, ok := of.([]any); ok && index >= 0 && index < len(list) {
		return list[index]
	}
	return absent{}
}

// index reads a part of a pointer as a position in a list.
func index(part string, length int) (int, bool) {
	i, err := strconv.Atoi(part)
	return i, err == nil && i >= 0 && i < length && strconv.Itoa(i) == part
}

// Payload returns what to apply in place of the desired object, which stays as it
// is, so that ignored fields of the live object keep their values and owners.
func (p Paths) Payload(desired, live *unstructured.Unstructured, o Owners) *unstructured.Unstructured {
	payload := desired.DeepCopy()
	for _, ptr := range p.pointers {
		if fields, ok := descend(payload.Object, live.Object, o.root(), ptr, false).(map[string]any); ok {
			payload.Object = fields
		}
	}
	p.keep(payload, desired)
	return payload
}

// keep gives an object the kept labels of another.
func (p Paths) keep(into, from *unstructured.Unstructured) {
	theirs, have := from.GetLabels(), into.GetLabels()
	changed := false
	for _, key := range p.kept {
		v, ok := theirs[key]
		if old, had := have[key]; had == ok && old == v {
			continue
		}
		changed = true
		if !ok {
			delete(have, key)
			continue
		}
		if have == nil {
			have = map[string]string{}
		}
		have[key] = v
	}
	if changed {
		into.SetLabels(have)
	}
}

// descend follows a pointer through the desired object, beside the live one, and
// returns the desired value as it is to be applied. Frozen values are part of one
// that is owned as a whole, from which nothing can be taken out.
func descend(desired, live any, at place, ptr pointer, frozen bool) any {
	if len(ptr) == 0 {
		return resolve(desired, live, at, frozen)
	}
	frozen = frozen || !isAbsent(live) && at.atomic(live)
	switch d := desired.(type) {
	case absent:
		child := descend(absent{}, field(live, ptr[0]), at.field(ptr[0]), ptr[1:], frozen)
		if isAbsent(child) {
			return absent{}
		}
		return map[string]any{ptr[0]: child}
	case map[string]any:
		child := descend(field(d, ptr[0]), field(live, ptr[0]), at.field(ptr[0]), ptr[1:], frozen)
		if !isAbsent(child) {
			d[ptr[0]] = child
			return d
		}
		if _, was := d[ptr[0]]; was {
			delete(d, ptr[0])
			if len(d) == 0 {
				return absent{}
			}
		}
		return d
	case []any:
		i, ok := index(ptr[0], len(d))
		if !ok {
			return d
		}
		list, _ := live.([]any)
		other := at.finder(list).find(d[i], i)
		child := descend(d[i], item(live, other), at.child(at.element(orElse(item(live, other), d[i]), i)), ptr[1:], frozen)
		if !isAbsent(child) {
			d[i] = child
		}
		return d
	}
	return desired
}

func orElse(v, other any) any {
	if isAbsent(v) {
		return other
	}
	return v
}

// resolve decides about an ignored value and everything in it.
func resolve(desired, live any, at place, frozen bool) any {
	switch {
	case isAbsent(live):
		return desired
	case frozen:
		return runtime.DeepCopyJSONValue(live)
	case isAbsent(desired):
		return mine(live, at)
	}
	if !at.atomic(live) {
		switch d := desired.(type) {
		case map[string]any:
			if l, ok := live.(map[string]any); ok {
				return resolveFields(d, l, at)
			}
		case []any:
			if l, ok := live.([]any); ok {
				return resolveItems(d, l, at)
			}
		}
	}
	switch {
	case reflect.DeepEqual(desired, live):
		return desired
	case at.foreign():
		return absent{}
	}
	return runtime.DeepCopyJSONValue(live)
}

func resolveFields(desired, live map[string]any, at place) any {
	out := map[string]any{}
	put := func(name string, v any) {
		if !isAbsent(v) {
			out[name] = v
		}
	}
	for name, v := range desired {
		put(name, resolve(v, field(live, name), at.field(name), false))
	}
	for name, v := range live {
		if _, ok := desired[name]; !ok {
			put(name, mine(v, at.field(name)))
		}
	}
	if len(out) == 0 && len(desired) > 0 {
		return absent{}
	}
	return out
}

func resolveItems(desired, live []any, at place) any {
	out := make([]any, 0, len(desired))
	matched := map[int]bool{}
	counterparts := at.finder(live)
	for i, d := range desired {
		other := counterparts.find(d, i)
		matched[other] = true
		l := item(live, other)
		if v := resolve(d, l, at.child(at.element(orElse(l, d), i)), false); !isAbsent(v) {
			out = append(out, v)
		}
	}
	for i, l := range live {
		if matched[i] {
			continue
		}
		if v := mine(l, at.child(at.element(l, i))); !isAbsent(v) {
			out = append(out, v)
		}
	}
	return out
}

// mine returns of a live value what is ours. The desired object has it no more,
// and left out of the apply it would go.
func mine(live any, at place) any {
	if at.isOurs && !some(at.ours) {
		return runtime.DeepCopyJSONValue(live)
	}
	if !some(at.ours) {
		return absent{}
	}
	switch l := live.(type) {
	case map[string]any:
		out := map[string]any{}
		for name, v := range l {
			if kept := mine(v, at.field(name)); !isAbsent(kept) {
				out[name] = kept
			}
		}
		return out
	case []any:
		out := []any{}
		for i, v := range l {
			if kept := mine(v, at.child(at.element(v, i))); !isAbsent(kept) {
				out = append(out, kept)
			}
		}
		return out
	}
	return absent{}
}
