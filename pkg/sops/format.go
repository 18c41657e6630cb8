package sops

import (
	"bytes"
	"errors"
	"path"
	"regexp"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/stores/dotenv"
	"github.com/getsops/sops/v3/stores/ini"
	"github.com/getsops/sops/v3/stores/json"
	"github.com/getsops/sops/v3/stores/yaml"
)

// format is how a document is written.
type format string

const (
	formatYAML   format = "YAML"
	formatJSON   format = "JSON"
	formatDotenv format = "dotenv"
	formatINI    format = "INI"
	// formatBinary is JSON around one value that is the whole file.
	formatBinary format = "binary"
)

// signatures distinguish a SOPS document from any other: its message authentication code, as
// each format writes it.
var signatures = []struct {
	format  format
	pattern *regexp.Regexp
}{
	{formatJSON, regexp.MustCompile(`"mac"\s*:\s*"ENC\[`)},
	{formatDotenv, regexp.MustCompile(`(?m)^sops_mac=ENC\[`)},
	{formatYAML, regexp.MustCompile(`(?m)^\s+["']?mac["']?:\s+["']?ENC\[`)},
	{formatINI, regexp.MustCompile(`(?m)^mac\s*=\s*ENC\[`)},
}

// formatOfFile reports whether a file is a SOPS document, and its format: that of its
// name if the content agrees, and that of the content otherwise, which is how a
// dotenv file of any name is found.
func formatOfFile(name string, data []byte) (format, bool) {
	content, encrypted := formatOfContent(data)
	if !encrypted {
		return "", false
	}
	if content == formatJSON && formatOfName(name) == formatBinary {
		return formatBinary, true
	}
	return content, true
}

// formatOfContent reports whether data is a SOPS document, and its format. Binary
// documents are JSON to it.
func formatOfContent(data []byte) (format, bool) {
	if !bytes.Contains(data, []byte("ENC[")) {
		return "", false
	}
	for _, m := range signatures {
		if m.pattern.Match(data) {
			return m.format, true
		}
	}
	return "", false
}

// formatOfName is the format that SOPS chooses for a file name.
func formatOfName(name string) format {
	switch path.Ext(name) {
	case ".yaml", ".yml":
		return formatYAML
	case ".json":
		return formatJSON
	case ".env":
		return formatDotenv
	case ".ini":
		return formatINI
	}
	return formatBinary
}

// formatOfEntry is the format in which an entry of a Secret is wanted.
func formatOfEntry(name string) format {
	if name == ".dockerconfigjson" {
		return formatJSON
	}
	return formatOfName(name)
}

func (f format) store() sops.Store {
	c := config.NewStoresConfig()
	switch f {
	case formatYAML:
		return yaml.NewStore(&c.YAML)
	case formatDotenv:
		return dotenv.NewStore(&c.Dotenv)
	case formatINI:
		return ini.NewStore(&c.INI)
	case formatBinary:
		return json.NewBinaryStore(&c.JSONBinary)
	}
	return json.NewStore(&c.JSON)
}

var lineNumber = regexp.MustCompile(`\bline (\d{1,7})\b`)

// load parses a document. What the parsers say quotes the document; of that only the
// number of the line is kept.
func load(f format, data []byte) (sops.Tree, error) {
	if err := guard(f, data); err != nil {
		return sops.Tree{}, err
	}
	tree, err := f.store().LoadEncryptedFile(data)
	switch {
	case err == nil:
		return tree, nil
	case errors.Is(err, sops.MetadataNotFound):
		return sops.Tree{}, broken("it has no SOPS metadata where its format, %s, keeps them", f)
	case strings.HasPrefix(err.Error(), "No keys found"):
		return sops.Tree{}, broken("its SOPS metadata name no key")
	case strings.HasPrefix(err.Error(), "Cannot use more than one of"):
		return sops.Tree{}, broken("its SOPS metadata have more than one rule for what is encrypted")
	}
	if match := lineNumber.FindStringSubmatch(err.Error()); match != nil {
		return sops.Tree{}, broken("it cannot be read as %s with SOPS metadata: line %s is wrong", f, match[1])
	}
	return sops.Tree{}, broken("it cannot be read as %s with SOPS metadata", f)
}

// emit writes the plain document. A document that was said to be binary, and does not
// have the shape, is written as the JSON that it is.
func emit(f format, branches sops.TreeBranches) ([]byte, error) {
	if f == formatBinary && !enveloped(branches) {
		f = formatJSON
	}
	if f == formatJSON {
		return emitJSON(branches)
	}
	if len(branches) == 0 {
		return nil, broken("it is empty")
	}
	if (f == formatDotenv && depth(branches[0]) > 1) || (f == formatINI && depth(branches[0]) != 2) {
		return nil, broken("what it decrypts to does not fit into %s, the format of its name", f)
	}
	out, err := f.store().EmitPlainFile(branches)
	if err != nil {
		return nil, broken("what it decrypts to cannot be written as %s", f)
	}
	return out, nil
}

// enveloped reports whether a document is one value around a whole file.
func enveloped(branches sops.TreeBranches) bool {
	if len(branches) != 1 || len(branches[0]) != 1 || branches[0][0].Key != "data" {
		return false
	}
	_, text := branches[0][0].Value.(string)
	return text
}

// depth is how deep a branch is nested, as far as it matters here. Sections of an
// INI file have nothing but plain values.
func depth(branch sops.TreeBranch) int {
	deepest := 1
	for _, item := range branch {
		switch value := item.Value.(type) {
		case sops.TreeBranch:
			deepest = max(deepest, 1+depth(value))
		case []any:
			return 3
		}
	}
	return deepest
}
