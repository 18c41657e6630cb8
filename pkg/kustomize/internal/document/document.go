// Package document reads files of objects, patches and kustomization files for
// mistakes that the kustomize library passes over, or reports without a place.
//
// The library takes the first document of what it believes to be one, the last of
// two equal keys of a kustomization file and the first of two in a patch, and drops
// the rest. What is dropped is missing from the build, and what is missing from the
// build is deleted from the cluster. So such a file is refused.
package document

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const ignored = `this document would be ignored: put a line before it that is "---" and nothing else`

// kindList is how a List says that it is one.
var kindList = regexp.MustCompile(`kind["']?\s*:\s*["']?List\b`)

// parserError is what the parser says, up to a quotation.
var parserError = regexp.MustCompile("^yaml: (?:unmarshal errors: )?line ([0-9]+): ([^'\"`]*)")

// Fault is a mistake and its place in a file.
type Fault struct {
	Line    int
	Problem string
}

// Error names the line.
func (f *Fault) Error() string { return fmt.Sprintf("line %d: %s", f.Line, f.Problem) }

func fault(line int, format string, args ...any) *Fault {
	return &Fault{Line: line, Problem: fmt.Sprintf(format, args...)}
}

// stream returns the documents of a file that have content, up to the first that
// cannot be parsed, and why that is so.
func stream(data []byte) ([]*yaml.Node, *Fault) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var out []*yaml.Node
	for {
		var n yaml.Node
		err := decoder.Decode(&n)
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, unparsed(err)
		}
		if root := rootOf(&n); root != nil {
			out = append(out, root)
		}
	}
}

// unparsed is the parser's error without what it quotes.
func unparsed(err error) *Fault {
	found := parserError.FindStringSubmatch(err.Error())
	if found == nil {
		return fault(1, "this cannot be read as YAML")
	}
	line, _ := strconv.Atoi(found[1])
	// The parser counts from zero where its scanner counts from one.
	if strings.HasPrefix(found[2], "did not find expected") {
		line++
	}
	return fault(line, "this cannot be read as YAML: %s", strings.TrimSpace(found[2]))
}

// rootOf returns the value of a document, or nil if there is none.
func rootOf(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.DocumentNode {
		if len(n.Content) == 0 {
			return nil
		}
		n = n.Content[0]
	}
	if n.Kind == 0 || isNull(n) {
		return nil
	}
	return n
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == yaml.NodeTagNull }

// Dropped finds what the library would drop of a file of objects without saying
// so. The cheap tests come first, since most files have nothing of the sort.
func Dropped(data []byte) *Fault {
	if mayHide(data) {
		if f := hidden(data); f != nil {
			return f
		}
	}
	if !bytes.Contains(data, []byte("List")) || !kindList.Match(data) {
		return nil
	}
	roots, _ := stream(data) // what cannot be parsed is the library's to refuse
	for _, root := range roots {
		if f := listDrops(root); f != nil {
			return f
		}
	}
	return nil
}

// mayHide reports whether a file may hold a document that the library does not see:
// one behind a line of three dots or behind a closing bracket, or one on the last
// line.
func mayHide(data []byte) bool {
	for _, start := range []string{"...", "{", "["} {
		if bytes.HasPrefix(data, []byte(start)) || bytes.Contains(data, []byte("\n"+start)) {
			return true
		}
	}
	last := data[bytes.LastIndexByte(data, '\n')+1:]
	return bytes.HasPrefix(last, []byte("---")) && len(bytes.TrimSpace(last)) > len("---")
}

// hidden cuts a file as the library does and looks behind the first document of
// each part.
func hidden(data []byte) *Fault {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	begin := 0
	for begin <= len(data) {
		end, next := cut(data, begin)
		if f := behindFirst(data[begin:end]); f != nil {
			f.Line += bytes.Count(data[:begin], []byte("\n"))
			return f
		}
		begin = next
	}
	return nil
}

// cut returns where the part ends that begins at a place, and where the next one
// begins: at a whole line that starts with three dashes.
func cut(data []byte, begin int) (end, next int) {
	i := bytes.Index(data[begin:], []byte("\n---"))
	if i < 0 {
		return len(data), len(data) + 1
	}
	end = begin + i
	line := bytes.IndexByte(data[end+1:], '\n')
	if line < 0 {
		return len(data), len(data) + 1
	}
	return end, end + 1 + line + 1
}

func behindFirst(part []byte) *Fault {
	decoder := yaml.NewDecoder(bytes.NewReader(part))
	for first := true; ; first = false {
		var n yaml.Node
		err := decoder.Decode(&n)
		if errors.Is(err, io.EOF) || (err != nil && first) {
			return nil
		}
		if err != nil {
			return fault(unparsed(err).Line, ignored)
		}
		if root := rootOf(&n); root != nil && !first {
			return fault(root.Line, ignored)
		}
	}
}

// listDrops finds objects beside those that the library takes out of a List.
func listDrops(root *yaml.Node) *Fault {
	if root.Kind != yaml.MappingNode || textOf(root, "kind") != "List" {
		return nil
	}
	if f := twice(root, false); f != nil {
		return f
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if key.Value != "items" && value.Kind == yaml.SequenceNode && holdsObject(value) {
			return fault(key.Line, `the objects in %q would be ignored: a List has them in "items"`, clip(key.Value))
		}
	}
	return nil
}

func holdsObject(list *yaml.Node) bool {
	for _, item := range list.Content {
		if _, value := lookup(item, "kind"); value != nil {
			return true
		}
	}
	return false
}

// lookup returns a key of a map and its value, the first if there are several.
func lookup(m *yaml.Node, name string) (key, value *yaml.Node) {
	if m == nil || m.Kind != yaml.MappingNode {
		return nil, nil
	}
	for i := 0; i+1 < len(m.Content); i += 2 {
		if m.Content[i].Value == name {
			return m.Content[i], resolved(m.Content[i+1])
		}
	}
	return nil, nil
}

func resolved(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

func textOf(m *yaml.Node, name string) string {
	if _, value := lookup(m, name); value != nil && value.Kind == yaml.ScalarNode {
		return value.Value
	}
	return ""
}

func clip(text string) string {
	const most = 256
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}
