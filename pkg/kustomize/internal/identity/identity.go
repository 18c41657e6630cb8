// Package identity says whether an object can be distinguished from others: that
// apiVersion, kind, name and namespace are there and are text, and so are its labels
// and annotations, by which people say what may be done to it. The accessors of an
// object answer with nothing where it says something else, so that it would be
// treated as another object, or as one that says nothing.
package identity

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Fault is what is wrong with an object. It holds no value of it.
type Fault struct {
	// Field is a path, such as metadata.name.
	Field string
	// Key is the entry of a map, such as a label.
	Key string
	// Problem completes the sentence that begins with the field.
	Problem string
}

// Error is the sentence.
func (f *Fault) Error() string {
	if f.Key == "" {
		return f.Field + " " + f.Problem
	}
	return fmt.Sprintf("%s[%q] %s", f.Field, clip(f.Key), f.Problem)
}

// Among returns the fault without its key, unless that was in the object before its
// variables were replaced: a key may come from a variable, and that from a Secret.
func (f *Fault) Among(before map[string]any) *Fault {
	if f.Key == "" {
		return f
	}
	metadata, _ := before["metadata"].(map[string]any)
	entries, _ := metadata[strings.TrimPrefix(f.Field, "metadata.")].(map[string]any)
	if _, ok := entries[f.Key]; ok {
		return f
	}
	return &Fault{Field: "an entry of " + f.Field, Problem: f.Problem}
}

// Check returns the first fault of an object.
func Check(obj map[string]any) *Fault {
	for _, field := range []string{"apiVersion", "kind"} {
		if f := text(field, obj[field], true); f != nil {
			return f
		}
	}
	value := obj["metadata"]
	metadata, ok := value.(map[string]any)
	if !ok && value != nil {
		return &Fault{Field: "metadata", Problem: "is " + Called(value) + ", not a map"}
	}
	if f := text("metadata.name", metadata["name"], true); f != nil {
		return f
	}
	if f := text("metadata.namespace", metadata["namespace"], false); f != nil {
		return f
	}
	for _, field := range []string{"labels", "annotations"} {
		if f := texts("metadata."+field, metadata[field]); f != nil {
			return f
		}
	}
	return nil
}

func text(field string, value any, needed bool) *Fault {
	switch v := value.(type) {
	case string:
		if v != "" || !needed {
			return nil
		}
	case nil:
		if !needed {
			return nil
		}
	default:
		return &Fault{Field: field, Problem: NotText(value)}
	}
	return &Fault{Field: field, Problem: "is missing"}
}

// texts judges a map of text. A key without a value is common, and the API server
// takes it for an empty text.
func texts(field string, value any) *Fault {
	if value == nil {
		return nil
	}
	entries, ok := value.(map[string]any)
	if !ok {
		return &Fault{Field: field, Problem: "is " + Called(value) + ", not a map of text"}
	}
	for _, key := range slices.Sorted(maps.Keys(entries)) {
		if f := text(field, entries[key], false); f != nil {
			f.Key = key
			return f
		}
	}
	return nil
}

// NotText says what a value is that should be text, and what to do.
func NotText(value any) string {
	problem := "is " + Called(value) + ", not text"
	switch value.(type) {
	case []any, map[string]any:
		return problem
	}
	return problem + ": put it in quotes"
}

// Called is the word for the kind of a value.
func Called(value any) string {
	switch value.(type) {
	case nil:
		return "nothing"
	case string:
		return "text"
	case bool:
		return "a boolean"
	case []any:
		return "a list"
	case map[string]any:
		return "a map"
	}
	return "a number"
}

func clip(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
