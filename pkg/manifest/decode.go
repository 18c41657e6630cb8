package manifest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utilyaml "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

const (
	kustomizeGroup = "kustomize.config.k8s.io/"
	maxListDepth   = 4
)

// Limits bounds what Decode accepts. A field that is zero or negative takes its
// default.
type Limits struct {
	// Bytes is the size of the stream; 64 MiB by default.
	Bytes int
	// Document is the size of one document of it; 16 MiB by default.
	Document int
	// Objects is the number of objects, those in lists included; 10,000 by
	// default.
	Objects int
	// Nesting is how deep a document is nested; 512 by default.
	Nesting int
}

func (l Limits) withDefaults() Limits {
	l.Bytes = orDefault(l.Bytes, 64<<20)
	l.Document = orDefault(l.Document, 16<<20)
	l.Objects = orDefault(l.Objects, 10_000)
	l.Nesting = orDefault(l.Nesting, 512)
	return l
}

func orDefault(value, fallback int) int {
	if value <= 0 {
		return fallback
	}
	return value
}

// Decode reads a stream of YAML or JSON documents. Lists are expanded in place;
// empty documents, kustomization files and documents without apiVersion or kind
// are left out; an object without a name is an error. Errors say which document,
// never what is in it.
func Decode(data []byte, limits Limits) ([]*unstructured.Unstructured, error) {
	limits = limits.withDefaults()
	if len(data) > limits.Bytes {
		return nil, fmt.Errorf("the stream has %d bytes, more than the limit of %d", len(data), limits.Bytes)
	}
	reader := utilyaml.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	var objects []*unstructured.Unstructured
	for number := 1; ; number++ {
		document, err := reader.Read()
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, fmt.Errorf("splitting the stream at document %d: %w", number, err)
		}
		found, err := decodeDocument(document, limits)
		if err != nil {
			return nil, fmt.Errorf("document %d: %w", number, err)
		}
		objects = append(objects, found...)
		if len(objects) > limits.Objects {
			return nil, fmt.Errorf("the stream holds more than %d objects", limits.Objects)
		}
	}
}

func decodeDocument(document []byte, limits Limits) ([]*unstructured.Unstructured, error) {
	if len(document) > limits.Document {
		return nil, fmt.Errorf("it has %d bytes, more than the limit of %d", len(document), limits.Document)
	}
	if nesting(document) > limits.Nesting {
		return nil, fmt.Errorf("it may be nested more than %d levels deep", limits.Nesting)
	}
	data, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return nil, errors.New(parserText(err))
	}
	if trimmed := bytes.TrimSpace(data); len(trimmed) == 0 || trimmed[0] != '{' {
		return nil, nil
	}
	obj := &unstructured.Unstructured{}
	if err := unmarshalObject(data, obj); err != nil {
		return nil, err
	}
	return expand(obj, 0)
}

// expand flattens lists and drops what is not for the cluster.
func expand(obj *unstructured.Unstructured, depth int) ([]*unstructured.Unstructured, error) {
	switch {
	case obj.GetAPIVersion() == "" || obj.GetKind() == "", strings.HasPrefix(obj.GetAPIVersion(), kustomizeGroup):
		return nil, nil
	case strings.HasSuffix(obj.GetKind(), "List") && isItems(obj.Object["items"]):
		return expandList(obj, depth)
	case obj.GetName() == "":
		return nil, fmt.Errorf("%s has no metadata.name", obj.GetKind())
	}
	return []*unstructured.Unstructured{obj}, nil
}

func isItems(items any) bool {
	_, ok := items.([]any)
	return ok
}

func expandList(list *unstructured.Unstructured, depth int) ([]*unstructured.Unstructured, error) {
	if depth == maxListDepth {
		return nil, fmt.Errorf("lists are nested more than %d levels deep", maxListDepth)
	}
	var objects []*unstructured.Unstructured
	for i, item := range list.Object["items"].([]any) {
		m, ok := item.(map[string]any)
		if !ok {
			return nil, fmt.Errorf("item %d of %s is not an object", i, list.GetKind())
		}
		inner, err := expand(&unstructured.Unstructured{Object: m}, depth+1)
		if err != nil {
			return nil, err
		}
		objects = append(objects, inner...)
	}
	return objects, nil
}

// nesting is an upper bound of how deep a document is nested: its open brackets,
// or the column at which a line begins to say something.
func nesting(document []byte) int {
	deepest, brackets, column := 0, 0, 0
	leading := true
	for _, c := range document {
		switch {
		case c == '\n':
			column, leading = 0, true
			continue
		case c == '[' || c == '{':
			brackets++
		case c == ']' || c == '}':
			brackets = max(0, brackets-1)
		}
		if leading = leading && strings.IndexByte(" -?:", c) >= 0; leading {
			column++
		}
		deepest = max(deepest, brackets, column)
	}
	return deepest
}

// parserText keeps of a parser's message what it says about structure. Values
// stand between back-ticks or quotation marks.
func parserText(err error) string {
	text, _, cut := strings.Cut(err.Error(), "`")
	if cut {
		text += "…"
	}
	return strings.Join(strings.Fields(text), " ")
}
