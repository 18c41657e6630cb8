package document

import (
	"bytes"
	"regexp"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/kyaml/yaml"
)

// separator is one that the library does not take for one.
var separator = regexp.MustCompile(`\n---[ \t\r]*[^ \t\r\n#].*\n`)

const (
	maxListDepth        = 8
	kustomizationGroup  = "kustomize.config.k8s.io/"
	kustomizationByName = `a kustomization file is named "kustomization.yaml", and this one is not`
)

// Objects finds the first document of a file that is no object, and why. It is for
// a build that has failed: it parses all of the file.
func Objects(data []byte) *Fault {
	if at := separator.FindIndex(data); at != nil {
		return fault(2+bytes.Count(data[:at[0]], []byte("\n")), `a line that begins with "---" may hold nothing else but a comment`)
	}
	roots, broken := stream(data)
	for _, root := range roots {
		if f := object(root, 0); f != nil {
			return f
		}
	}
	return broken
}

func object(n *yaml.Node, depth int) *Fault {
	n = resolved(n)
	switch {
	case n.Kind == yaml.MappingNode:
	case n.Kind == yaml.SequenceNode && len(n.Content) == 0:
		return nil
	default:
		return fault(n.Line, "this is not an object, which is a map with apiVersion, kind and metadata")
	}
	if len(n.Content) == 0 {
		return nil
	}
	if f := twiceBelow(n); f != nil {
		if key := keyAt(n, f.Line); key == "apiVersion" || key == "kind" {
			f.Problem += `, or put a line that is "---" between two objects`
		}
		return f
	}
	if f := textKeys(n); f != nil {
		return f
	}
	if f := needText(n, n, "kind", ""); f != nil {
		return f
	}
	if _, items := lookup(n, "items"); items != nil && strings.HasSuffix(textOf(n, "kind"), "List") {
		return list(items, depth)
	}
	_, metadata := lookup(n, "metadata")
	if !isLocal(metadata) {
		if f := needText(n, n, "apiVersion", ""); f != nil {
			return f
		}
	}
	if textOf(n, "kind") == "List" {
		return missing(n, n, "items", "")
	}
	return named(n, metadata)
}

// textKeys finds a key that is a number or a boolean: there is no such thing in JSON.
func textKeys(n *yaml.Node) *Fault {
	for i, child := range n.Content {
		isKey := n.Kind == yaml.MappingNode && i%2 == 0
		if isKey && !isText(resolved(child)) && child.ShortTag() != mergeTag {
			return fault(child.Line, "a key %s", notText(child))
		}
		if f := textKeys(child); f != nil {
			return f
		}
	}
	return nil
}

// named judges the metadata of an object.
func named(n, metadata *yaml.Node) *Fault {
	if strings.HasPrefix(textOf(n, "apiVersion"), kustomizationGroup) {
		if textOf(metadata, "name") == "" {
			return fault(n.Line, kustomizationByName)
		}
		return nil
	}
	if metadata == nil || isNull(metadata) {
		return missing(n, n, "metadata", "")
	}
	if metadata.Kind != yaml.MappingNode {
		return fault(metadata.Line, "metadata is not a map")
	}
	if key, _ := lookup(metadata, "name"); key == nil {
		if key, _ := lookup(metadata, "generateName"); key != nil {
			return fault(key.Line, "generateName is not supported: an object that is applied needs metadata.name")
		}
	}
	if f := needText(n, metadata, "name", "metadata."); f != nil {
		return f
	}
	if key, value := lookup(metadata, "namespace"); value != nil && !isNull(value) && !isText(value) {
		return fault(key.Line, "metadata.namespace %s", notText(value))
	}
	for _, field := range []string{"labels", "annotations"} {
		if f := texts(metadata, field); f != nil {
			return f
		}
	}
	return nil
}

func list(items *yaml.Node, depth int) *Fault {
	if items.Kind != yaml.SequenceNode || depth == maxListDepth {
		return nil
	}
	for _, item := range items.Content {
		if isNull(resolved(item)) {
			continue
		}
		if f := object(item, depth+1); f != nil {
			return f
		}
	}
	return nil
}

// isLocal reports whether an object is for tools only and leaves the build.
func isLocal(metadata *yaml.Node) bool {
	_, annotations := lookup(metadata, "annotations")
	value := textOf(annotations, konfig.IgnoredByKustomizeAnnotation)
	return value != "" && value != "false"
}

// needText judges a field that has to be text, in a map that is the object or in it.
func needText(obj, m *yaml.Node, field, prefix string) *Fault {
	key, value := lookup(m, field)
	if value == nil || isNull(value) || (value.Kind == yaml.ScalarNode && value.Value == "") {
		return missing(obj, m, field, prefix)
	}
	if !isText(value) {
		return fault(key.Line, "%s%s %s", prefix, field, notText(value))
	}
	return nil
}

// missing says where a field is missing, and what was probably meant to be it.
func missing(obj, m *yaml.Node, field, prefix string) *Fault {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if key := m.Content[i]; alike(key.Value, field) {
			return fault(key.Line, "the key %q is probably meant to be %q, which is missing", clip(key.Value), field)
		}
	}
	return fault(obj.Line, "the object that begins here has no %s%s", prefix, field)
}

// texts judges a map of text. The library makes text of the scalars in annotations.
func texts(metadata *yaml.Node, field string) *Fault {
	key, m := lookup(metadata, field)
	switch {
	case m == nil || isNull(m):
		return nil
	case m.Kind != yaml.MappingNode:
		return fault(key.Line, "metadata.%s is not a map of text", field)
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		key, value := m.Content[i], resolved(m.Content[i+1])
		if isText(value) || isNull(value) || (field == "annotations" && value.Kind == yaml.ScalarNode) {
			continue
		}
		return fault(key.Line, "metadata.%s[%q] %s", field, clip(key.Value), notText(value))
	}
	return nil
}

func isText(n *yaml.Node) bool {
	return n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagString
}

func notText(n *yaml.Node) string {
	if n.Kind != yaml.ScalarNode {
		return "is not text"
	}
	return "is not text: put it in quotes"
}

// keyAt returns the key of a map in a line.
func keyAt(m *yaml.Node, line int) string {
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Line == line {
			return m.Content[i].Value
		}
	}
	return ""
}
