package document

import (
	"reflect"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// Kustomization judges a kustomization file. One whose first document cannot be
// parsed passes: the library says why.
func Kustomization(data []byte) *Fault {
	roots, broken := stream(data)
	if len(roots) == 0 {
		return nil
	}
	root := roots[0]
	if len(roots) > 1 {
		return fault(roots[1].Line, "a second document begins here, and would be ignored: a kustomization file is one document")
	}
	if broken != nil {
		return broken
	}
	if f := ignoredFirst(data, root); f != nil {
		return f
	}
	if root.Kind != yaml.MappingNode {
		return fault(root.Line, "a kustomization file is a map of fields")
	}
	if f := twice(root, true); f != nil {
		return f
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if f := unknownField(key); f != nil {
			return f
		}
		if f := twiceInField(value); f != nil {
			return f
		}
	}
	return nil
}

// ignoredFirst finds that the document is not the first one: an empty one is before
// it, and that is what the library takes.
func ignoredFirst(data []byte, root *yaml.Node) *Fault {
	var first yaml.Node
	if err := yaml.Unmarshal(data, &first); err != nil || rootOf(&first) != nil {
		return nil //nolint:nilerr // see Kustomization
	}
	return fault(root.Line, `this document would be ignored, because an empty one is before it: remove one "---"`)
}

// twiceInField judges the value of a field. The entries of a list are structures,
// whose keys are fields as well.
func twiceInField(value *yaml.Node) *Fault {
	if value.Kind == yaml.SequenceNode {
		for _, entry := range value.Content {
			if f := twice(entry, true); f != nil {
				return f
			}
		}
	}
	return twiceBelow(value)
}

func unknownField(key *yaml.Node) *Fault {
	fields := kustomizationFields()
	for _, field := range fields {
		if strings.EqualFold(field, key.Value) {
			return nil
		}
	}
	if key.Kind != yaml.ScalarNode || key.ShortTag() == mergeTag {
		return nil
	}
	for _, field := range fields {
		if alike(key.Value, field) {
			return fault(key.Line, "unknown field %q: write %q", clip(key.Value), field)
		}
	}
	return fault(key.Line, "unknown field %q: a kustomization file has no such field", clip(key.Value))
}

// kustomizationFields are the names of the fields as the library has them.
func kustomizationFields() []string {
	var names []string
	var collect func(t reflect.Type)
	collect = func(t reflect.Type) {
		for i := range t.NumField() {
			field := t.Field(i)
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			switch {
			case name != "" && name != "-":
				names = append(names, name)
			case field.Anonymous && field.Type.Kind() == reflect.Struct:
				collect(field.Type)
			}
		}
	}
	collect(reflect.TypeFor[types.Kustomization]())
	return names
}
