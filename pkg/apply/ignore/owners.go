package ignore

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"
)

// Owners say whose the fields of a live object are.
type Owners struct {
	ours, others, all *fieldpath.Set
}

// OwnersOf reads managed fields. Those of which ours is true are, or are about to
// be, part of what we apply.
func OwnersOf(entries []metav1.ManagedFieldsEntry, ours func(*metav1.ManagedFieldsEntry) bool) (Owners, error) {
	o := Owners{ours: &fieldpath.Set{}, others: &fieldpath.Set{}, all: &fieldpath.Set{}}
	for i := range entries {
		e := &entries[i]
		if e.FieldsV1 == nil {
			continue
		}
		set := &fieldpath.Set{}
		if err := set.FromJSON(bytes.NewReader(e.FieldsV1.GetRawBytes())); err != nil {
			return Owners{}, fmt.Errorf("reading the fields of manager %s: %w", e.Manager, err)
		}
		o.all = o.all.Union(set)
		switch {
		case ours(e):
			o.ours = o.ours.Union(set)
		case e.Operation == metav1.ManagedFieldsOperationApply:
			o.others = o.others.Union(set)
		}
	}
	return o, nil
}

// Ours returns the fields that are ours.
func (o Owners) Ours() *fieldpath.Set { return o.ours }

// root is the place of the object itself.
func (o Owners) root() place { return place{ours: o.ours, others: o.others, all: o.all} }

// place is what the owners say about one value: the sets of what is below it, and
// whether it is a member itself.
type place struct {
	ours, others, all      *fieldpath.Set
	isOurs, isOthers, isIn bool
	items                  *listing
}

// listing remembers how the items of the list at a place are identified.
type listing struct {
	known bool
	keys  []string
	set   bool
}

func (p place) child(pe fieldpath.PathElement) place {
	c := place{items: &listing{}}
	c.ours, c.isOurs = below(p.ours, pe)
	c.others, c.isOthers = below(p.others, pe)
	c.all, c.isIn = below(p.all, pe)
	return c
}

func (p place) field(name string) place { return p.child(fieldpath.FieldNameElement(name)) }

func below(s *fieldpath.Set, pe fieldpath.PathElement) (children *fieldpath.Set, member bool) {
	if s == nil {
		return nil, false
	}
	children, _ = s.Children.Get(pe)
	return children, s.Members.Has(pe)
}

func some(s *fieldpath.Set) bool { return s != nil && !s.Empty() }

// atomic reports that the value is owned as a whole.
func (p place) atomic(live any) bool {
	switch v := live.(type) {
	case map[string]any:
		return len(v) > 0 && p.isIn && !some(p.all)
	case []any:
		keys, set := p.listed()
		return len(v) > 0 && keys == nil && !set
	}
	return true
}

// foreign reports that another manager applied the value, or something in it.
func (p place) foreign() bool { return p.isOthers || some(p.others) }

// listed returns how items of a list are identified: by the values of keys, by
// themselves in a set, or else by their positions.
func (p place) listed() (keys []string, set bool) {
	if p.all == nil || p.items == nil {
		return nil, false
	}
	found := p.items
	if found.known {
		return found.keys, found.set
	}
	visit := func(pe fieldpath.PathElement) {
		if pe.Key != nil && found.keys == nil {
			for _, f := range *pe.Key {
				found.keys = append(found.keys, f.Name)
			}
		}
		found.set = found.set || pe.Value != nil
	}
	// The iterators of the library do not bear being left early.
	p.all.Members.Iterate(visit)
	p.all.Children.Iterate(visit)
	found.known = true
	return found.keys, found.set
}

// element returns how the owners name an item of the list at a place, by the item
// or, where it lacks a key, its counterpart.
func (p place) element(item any, index int) fieldpath.PathElement {
	keys, set := p.listed()
	fields, isMap := item.(map[string]any)
	switch {
	case keys != nil && isMap:
		var list value.FieldList
		for _, k := range keys {
			if v, ok := fields[k]; ok {
				list = append(list, value.Field{Name: k, Value: value.NewValueInterface(v)})
			}
		}
		list.Sort()
		return fieldpath.PathElement{Key: &list}
	case set:
		return fieldpath.ValueElement(value.NewValueInterface(item))
	}
	return fieldpath.IndexElement(index)
}

// finder finds the items of one state of a list in another.
type finder struct {
	at     place
	in     []any
	byName map[string]int
}

func (p place) finder(in []any) *finder {
	f := &finder{at: p, in: in, byName: make(map[string]int, len(in))}
	keys, set := p.listed()
	for i, v := range in {
		if name, ok := nameOf(keys, set, v); ok {
			f.byName[name] = i
		}
	}
	return f
}

// find returns the position of the item that is the same as one of another state
// of the list; -1 when there is none.
func (f *finder) find(item any, index int) int {
	keys, set := f.at.listed()
	if name, ok := nameOf(keys, set, item); ok {
		if i, found := f.byName[name]; found {
			return i
		}
	}
	switch {
	case keys != nil:
		if _, whole := nameOf(keys, set, item); whole && len(f.byName) == len(f.in) {
			return -1
		}
		return slices.IndexFunc(f.in, func(other any) bool { return sameKeys(keys, item, other) })
	case !set && index < len(f.in):
		return index
	}
	return -1
}

// nameOf is what identifies an item in its list, if it is complete.
func nameOf(keys []string, set bool, item any) (string, bool) {
	fields, isMap := item.(map[string]any)
	switch {
	case keys != nil && isMap:
		values := make([]any, len(keys))
		for i, k := range keys {
			v, ok := fields[k]
			if !ok {
				return "", false
			}
			values[i] = v
		}
		text, err := json.Marshal(values)
		return string(text), err == nil
	case set:
		text, err := json.Marshal(item)
		return string(text), err == nil
	}
	return "", false
}

// sameKeys compares two items by their keys. One that a source leaves out is
// filled in by the server.
func sameKeys(keys []string, a, b any) bool {
	left, ok := a.(map[string]any)
	right, isMap := b.(map[string]any)
	if !ok || !isMap {
		return false
	}
	some := false
	for _, k := range keys {
		x, inLeft := left[k]
		y, inRight := right[k]
		if inLeft && inRight && !reflect.DeepEqual(x, y) {
			return false
		}
		some = some || inLeft && inRight
	}
	return some
}
