// Package bomb finds YAML that is small to write and large to process.
package bomb

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"

	"sigs.k8s.io/kustomize/kyaml/yaml"
)

const (
	maxNesting = 512
	// maxNodes bounds what a document grows to when its aliases are written out,
	// which the library does.
	maxNodes = 1_000_000
)

var errAliases = errors.New("its YAML aliases form a cycle")

var separator = regexp.MustCompile(`(?m)^---.*$`)

// Inspect refuses YAML that is small to write and large to process: aliases of
// aliases and deep nesting. The cheap tests come first, since most files have
// neither. What does not parse is not judged: whoever reads it as YAML fails.
func Inspect(data []byte) error {
	suspicious := (bytes.IndexByte(data, '&') >= 0 && bytes.IndexByte(data, '*') >= 0) || nesting(data) > maxNesting
	if !suspicious {
		return nil
	}
	// The library splits documents by lines, a parser by grammar. Both views
	// are judged.
	views := append(separator.Split(string(data), -1), string(data))
	for _, view := range views {
		if err := inspectStream([]byte(view)); err != nil {
			return err
		}
	}
	return nil
}

func inspectStream(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			return nil //nolint:nilerr // see Inspect
		}
		m := measure{nodes: map[*yaml.Node]int{}}
		total, err := m.size(&doc, 0)
		if err != nil {
			return err
		}
		if total > maxNodes {
			return fmt.Errorf("its YAML aliases grow to more than %d nodes", maxNodes)
		}
	}
}

// nesting is an upper bound of how deep YAML is nested: open brackets, and the
// column of the first character that is neither blank nor an indicator.
func nesting(data []byte) int {
	deepest, brackets, column := 0, 0, 0
	leading := true
	for _, c := range data {
		switch c {
		case '\n':
			column, leading = 0, true
			continue
		case '[', '{':
			brackets++
			deepest = max(deepest, brackets)
		case ']', '}':
			brackets = max(0, brackets-1)
		}
		if leading && (c == ' ' || c == '-' || c == '?' || c == ':') {
			column++
			deepest = max(deepest, column)
			continue
		}
		leading = false
	}
	return deepest
}

// measure counts the nodes of a document with every alias written out.
type measure struct{ nodes map[*yaml.Node]int }

const measuring = -1

func (m measure) size(n *yaml.Node, depth int) (int, error) {
	if depth > maxNesting {
		return 0, fmt.Errorf("its YAML is nested more than %d levels deep", maxNesting)
	}
	if n.Kind == yaml.AliasNode {
		return m.size(n.Alias, depth+1)
	}
	if len(n.Content) == 0 {
		return 1, nil
	}
	known, ok := m.nodes[n]
	if known == measuring {
		return 0, errAliases
	}
	if ok {
		return known, nil
	}
	m.nodes[n] = measuring
	total := 1
	for _, child := range n.Content {
		size, err := m.size(child, depth+1)
		if err != nil {
			return 0, err
		}
		total = min(total+size, maxNodes+1)
	}
	m.nodes[n] = total
	return total, nil
}

// Objects returns roughly how many objects a file holds, never less than
// a tenth and, but for schemas full of fields named kind, not more.
func Objects(data []byte) int {
	documents := 1 + bytes.Count(data, []byte("\n---"))
	kinds := bytes.Count(data, []byte("kind:")) + bytes.Count(data, []byte(`kind":`))
	return max(documents, kinds/10)
}
