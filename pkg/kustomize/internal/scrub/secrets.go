package scrub

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"sigs.k8s.io/yaml"
)

const (
	// shortest is the length from which on a value is masked. Shorter ones occur in any
	// text by chance, and masking them would hide what went wrong and nothing else.
	shortest = 4
	// maxSecrets bounds the values of one build, in bytes. With more, no text of the
	// library is shown at all.
	maxSecrets = 4 << 20
)

// named are the keys of an object whose values are no secret.
var named = []string{"apiVersion", "kind", "name", "namespace", "generateName", "type"}

// Secrets are the values that a build knows to be secret. The zero value has none.
type Secrets struct {
	values []string
	bytes  int
}

// AddFile adds what a file holds that is wholly secret: one that was decrypted, or that a
// secret generator reads. Of an object in it, what names it is not secret.
func (s *Secrets) AddFile(data []byte) {
	for document := range documents(data) {
		var object map[string]any
		if yaml.Unmarshal([]byte(document), &object) == nil && object["kind"] != nil {
			s.addFields(object)
			continue
		}
		s.addLines(document)
	}
	s.add(string(data))
}

// AddManifests adds the values of the Secrets in a file of objects, and of the secret
// generators in a kustomization file. A document that cannot be read counts as a Secret
// if it says that it is one.
func (s *Secrets) AddManifests(data []byte) {
	for document := range documents(data) {
		if !strings.Contains(document, "Secret") && !strings.Contains(document, "secretGenerator") {
			continue
		}
		var object any
		if yaml.Unmarshal([]byte(document), &object) != nil {
			s.addLines(document)
			continue
		}
		s.addSecrets(object)
	}
}

// documents iterates over the documents of a YAML stream.
func documents(data []byte) func(func(string) bool) {
	return strings.SplitSeq("\n"+string(data), "\n---")
}

// addSecrets looks for Secrets and secret generators within a value, and in texts that
// hold objects themselves, as patches do.
func (s *Secrets) addSecrets(value any) {
	switch v := value.(type) {
	case map[string]any:
		if v["kind"] == "Secret" {
			s.addFields(v)
			return
		}
		for key, field := range v {
			if key == "secretGenerator" {
				s.addLiterals(field)
			} else {
				s.addSecrets(field)
			}
		}
	case []any:
		for _, item := range v {
			s.addSecrets(item)
		}
	case string:
		if strings.Contains(v, "kind: Secret") || strings.Contains(v, `"Secret"`) {
			s.AddManifests([]byte(v))
		}
	}
}

// addLiterals adds the literals of secret generators; the files that they read are added
// as such.
func (s *Secrets) addLiterals(generators any) {
	list, _ := generators.([]any)
	for _, item := range list {
		if generator, ok := item.(map[string]any); ok {
			s.addFields(generator["literals"])
		}
	}
}

// addFields adds all values of an object but those that name it.
func (s *Secrets) addFields(value any) {
	switch v := value.(type) {
	case map[string]any:
		for key, field := range v {
			if _, text := field.(string); !text || !slices.Contains(named, key) {
				s.addFields(field)
			}
		}
	case []any:
		for _, item := range v {
			s.addFields(item)
		}
	case string:
		s.addText(v)
	}
}

// addLines adds a text that is no object line by line: each line, and what it assigns.
func (s *Secrets) addLines(text string) {
	for line := range strings.Lines(text) {
		key, _, _ := strings.Cut(strings.TrimSpace(line), ":")
		if !slices.Contains(named, strings.Trim(key, `"'`)) {
			s.addText(strings.TrimSpace(line))
		}
	}
}

// addText adds a value, what it assigns (a=b, a: b), and what it encodes in base64.
func (s *Secrets) addText(text string) {
	s.add(text)
	if strings.Contains(text, "\n") {
		for line := range strings.Lines(text) {
			s.addText(strings.TrimSpace(line))
		}
		return
	}
	for _, sep := range []string{"=", ": "} {
		if _, value, ok := strings.Cut(text, sep); ok {
			s.add(strings.TrimSpace(value))
			s.add(strings.Trim(value, `"' `))
		}
	}
	if plain, err := base64.StdEncoding.DecodeString(text); err == nil {
		s.add(strings.TrimSpace(string(plain)))
	}
}

func (s *Secrets) add(value string) {
	if len(value) < shortest || s.bytes > maxSecrets {
		return
	}
	s.bytes += len(value)
	s.values = append(s.values, value)
}

// Mask replaces the values in a text, however they are written: plain, in base64, in
// hexadecimal, in a URL, or in JSON.
func (s *Secrets) Mask(text string) string {
	if s == nil {
		return text
	}
	if s.bytes > maxSecrets {
		return "kustomize refuses it; what it says is not shown, because it may hold values of Secrets"
	}
	var forms []string
	for _, value := range s.values {
		for _, form := range written(value) {
			if len(form) <= len(text) && strings.Contains(text, form) {
				forms = append(forms, form)
			}
		}
	}
	slices.SortFunc(forms, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), strings.Compare(a, b)) })
	for _, form := range forms {
		text = strings.ReplaceAll(text, form, elided)
	}
	return text
}

// written are the forms in which a value may be written.
func written(value string) []string {
	quoted, _ := json.Marshal(value) // a string can be encoded
	return []string{
		value, strings.Trim(string(quoted), `"`), url.QueryEscape(value), hex.EncodeToString([]byte(value)),
		base64.RawStdEncoding.EncodeToString([]byte(value)), base64.RawURLEncoding.EncodeToString([]byte(value)),
	}
}
