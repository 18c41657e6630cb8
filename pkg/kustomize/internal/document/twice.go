package document

import (
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const mergeTag = "!!merge"

// Twice finds a key that stands twice in a map of a patch.
func Twice(data []byte) *Fault {
	roots, _ := stream(data) // what cannot be parsed is the library's to refuse
	for _, root := range roots {
		if f := twiceBelow(root); f != nil {
			return f
		}
	}
	return nil
}

func twiceBelow(n *yaml.Node) *Fault {
	if f := twice(n, false); f != nil {
		return f
	}
	for _, child := range n.Content {
		if f := twiceBelow(child); f != nil {
			return f
		}
	}
	return nil
}

// twice judges one map. A merge key may be repeated. The key of the fields of a
// kustomization file is the same in any case of its letters.
func twice(m *yaml.Node, fold bool) *Fault {
	if m.Kind != yaml.MappingNode {
		return nil
	}
	lines := make(map[string]int, len(m.Content)/2)
	for i := 0; i+1 < len(m.Content); i += 2 {
		key := m.Content[i]
		if key.Kind != yaml.ScalarNode || key.ShortTag() == mergeTag {
			continue
		}
		name := key.Value
		if fold {
			name = strings.ToLower(name)
		}
		if first, ok := lines[name]; ok {
			return fault(key.Line, "the key %q was already set in line %d, and one of the two would be ignored: make them one", clip(key.Value), first)
		}
		lines[name] = key.Line
	}
	return nil
}
