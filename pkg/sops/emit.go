package sops

import (
	"bytes"
	"encoding/json"

	"github.com/getsops/sops/v3"
)

// emitJSON writes the first branch as SOPS does: keys in their order, comments left
// out, indented by tabs. The library's own way takes time that grows with the square
// of the document.
func emitJSON(branches sops.TreeBranches) ([]byte, error) {
	if len(branches) == 0 {
		return nil, broken("it is empty")
	}
	var flat, out bytes.Buffer
	if err := writeJSON(&flat, branches[0]); err != nil {
		return nil, broken("what it decrypts to cannot be written as JSON")
	}
	if err := json.Indent(&out, flat.Bytes(), "", "\t"); err != nil {
		return nil, broken("what it decrypts to cannot be written as JSON")
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func writeJSON(b *bytes.Buffer, value any) error {
	switch v := value.(type) {
	case sops.TreeBranch:
		return writeObject(b, v)
	case []any:
		return writeArray(b, v)
	}
	text, err := json.Marshal(value)
	b.Write(text)
	return err
}

func writeObject(b *bytes.Buffer, branch sops.TreeBranch) error {
	b.WriteByte('{')
	first := true
	for _, item := range branch {
		key, ok := item.Key.(string)
		if !ok {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := writeJSON(b, key); err != nil {
			return err
		}
		b.WriteByte(':')
		if err := writeJSON(b, item.Value); err != nil {
			return err
		}
	}
	b.WriteByte('}')
	return nil
}

func writeArray(b *bytes.Buffer, values []any) error {
	b.WriteByte('[')
	first := true
	for _, value := range values {
		if _, comment := value.(sops.Comment); comment {
			continue
		}
		if !first {
			b.WriteByte(',')
		}
		first = false
		if err := writeJSON(b, value); err != nil {
			return err
		}
	}
	b.WriteByte(']')
	return nil
}
