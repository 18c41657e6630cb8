package sops

import (
	"bytes"
	"encoding/json"

	"go.yaml.in/yaml/v3"
)

// Limits of what a document may make of its bytes. The library has none: it follows
// aliases that contain themselves, and some of what it does takes time that grows
// with the square of the size.
const (
	maxDepth = 100
	maxNodes = 100_000
	maxKeys  = 10_000
	maxLines = 50_000
	// maxFlat is how many lines of metadata a dotenv or INI document may have.
	maxFlat = 1_000
	// maxParts bounds the nesting that a flattened key can express.
	maxParts = 32
)

var (
	errComplex = broken("it has more than %d values or %d keys in one place, is nested deeper than %d levels, or has aliases that do not end",
		maxNodes, maxKeys, maxDepth)
	errTwice = broken("it has more than one block of SOPS metadata")
)

// guard refuses documents that are small to write and large to process. What does not
// parse is not judged: whoever reads it fails.
func guard(f format, data []byte) error {
	switch f {
	case formatYAML:
		return guardYAML(data)
	case formatJSON, formatBinary:
		return guardJSON(data)
	case formatDotenv, formatINI:
	}
	return guardLines(data)
}

func guardYAML(data []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	left := maxNodes
	for {
		var doc yaml.Node
		if err := decoder.Decode(&doc); err != nil {
			return nil //nolint:nilerr // see guard
		}
		if !fits(&doc, maxDepth, &left) {
			return errComplex
		}
		if metadataBlocks(&doc) > 1 {
			return errTwice
		}
	}
}

// fits walks a document with its aliases written out, as the library does.
func fits(node *yaml.Node, depth int, left *int) bool {
	if *left--; depth < 0 || *left < 0 || (node.Kind == yaml.MappingNode && len(node.Content) > 2*maxKeys) {
		return false
	}
	if node.Kind == yaml.AliasNode {
		return node.Alias == nil || fits(node.Alias, depth-1, left)
	}
	for _, child := range node.Content {
		if !fits(child, depth-1, left) {
			return false
		}
	}
	return true
}

func metadataBlocks(doc *yaml.Node) int {
	count := 0
	for _, top := range doc.Content {
		for i := 0; top.Kind == yaml.MappingNode && i < len(top.Content); i += 2 {
			if top.Content[i].Value == "sops" {
				count++
			}
		}
	}
	return count
}

func guardJSON(data []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	level, blocks := 0, 0
	for count := 0; ; count++ {
		token, err := decoder.Token()
		if err != nil {
			return nil //nolint:nilerr // see guard
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			level++
		case json.Delim('}'), json.Delim(']'):
			level--
		case "sops":
			if level == 1 {
				blocks++
			}
		}
		// Keys, values and both ends of a container are tokens each.
		if level > maxDepth || count > 4*maxNodes {
			return errComplex
		}
		if blocks > 2 {
			return errTwice
		}
	}
}

func guardLines(data []byte) error {
	lines, flat := 0, 0
	for line := range bytes.Lines(data) {
		lines++
		parts := bytes.Count(line, []byte("__map_")) + bytes.Count(line, []byte("__list_"))
		if parts > maxParts {
			return errComplex
		}
		if parts > 0 || bytes.HasPrefix(line, []byte("sops_")) {
			flat++
		}
	}
	if lines > maxLines || flat > maxFlat {
		return errComplex
	}
	return nil
}
