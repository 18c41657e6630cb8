package sops

import (
	"context"
	"strings"

	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"

	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

// walker decrypts the values of a document in place. The path of a value is part of
// what its encryption authenticates; positions in a list are not part of it.
type walker struct {
	//nolint:containedctx // a walker lives as long as one call
	ctx   context.Context
	key   []byte
	rules rules
}

// scope is which comments apply: those above, and those directly before. The last
// comment does not apply to itself when it asks for encryption.
type scope struct {
	above, before, last bool
}

func (s scope) inner() scope { return scope{above: s.above || s.before || s.last} }

// comment adds a comment to those directly before.
func (s scope) comment(hit bool) scope {
	return scope{above: s.above, before: s.before || s.last, last: hit}
}

// next forgets the comments before, after the value they apply to.
func (s scope) next() scope { return scope{above: s.above} }

func (s scope) value() bool { return s.above || s.before || s.last }

// self is what applies to the last comment itself.
func (s scope) self(r rules) bool {
	if r.secretComment != nil {
		return s.above || s.before
	}
	return s.value()
}

func (w *walker) branch(branch sops.TreeBranch, path string, marked bool, outer scope) error {
	s := outer.inner()
	for i, item := range branch {
		if c, ok := item.Key.(sops.Comment); ok {
			s = s.comment(w.rules.remarks(c.Value))
			branch[i].Key = w.comment(c, path, marked, s)
			continue
		}
		key, ok := item.Key.(string)
		if !ok {
			return broken("it has a key below %s that is not text", place(path))
		}
		value, err := w.value(item.Value, path+key+":", marked || w.rules.decides(key), s)
		if err != nil {
			return err
		}
		branch[i].Value = value
		s = s.next()
	}
	return nil
}

func (w *walker) list(values []any, path string, marked bool, outer scope) error {
	s := outer.inner()
	for i, value := range values {
		if c, ok := value.(sops.Comment); ok {
			s = s.comment(w.rules.remarks(c.Value))
			values[i] = w.comment(c, path, marked, s)
			continue
		}
		plain, err := w.value(value, path, marked, s)
		if err != nil {
			return err
		}
		values[i] = plain
		s = s.next()
	}
	return nil
}

func (w *walker) value(value any, path string, marked bool, s scope) (any, error) {
	switch v := value.(type) {
	case sops.TreeBranch:
		return v, w.branch(v, path, marked, s)
	case []any:
		return v, w.list(v, path, marked, s)
	case nil:
		return nil, nil
	}
	if !w.rules.encrypted(marked, s.value()) {
		return value, nil
	}
	text, ok := value.(string)
	if !ok {
		return nil, notEncrypted(path)
	}
	if w.ctx.Err() != nil {
		return nil, &problem{text: "the build was given up"}
	}
	return w.open(text, path)
}

// open decrypts a value. The library's error quotes what it could not read, so the
// two ways to fail are distinguished by the text itself.
func (w *walker) open(text, path string) (any, error) {
	plain, err := decryptValue(text, w.key, path)
	switch {
	case err == nil:
		return plain, nil
	case !strings.HasPrefix(text, "ENC[AES256_GCM,"):
		return nil, notEncrypted(path)
	}
	return nil, &problem{
		"the value at " + place(path) + " does not decrypt with the data key",
		"the value is damaged, or its key was renamed or moved without sops; restore it or encrypt it again with sops",
	}
}

// comment decrypts a comment if it is encrypted. One that is not was written by hand
// and stays.
func (w *walker) comment(c sops.Comment, path string, marked bool, s scope) sops.Comment {
	if !w.rules.encrypted(marked, s.self(w.rules)) {
		return c
	}
	if path == "" {
		// The library joins an empty path and appends a colon.
		path = ":"
	}
	plain, err := decryptValue(c.Value, w.key, path)
	if err != nil {
		return c
	}
	switch v := plain.(type) {
	case sops.Comment:
		return v
	case string:
		return sops.Comment{Value: v, Inline: c.Inline}
	}
	return c
}

func notEncrypted(path string) error {
	return &problem{
		"the value at " + place(path) + " is not encrypted, although the SOPS metadata say that it is",
		"edit the document with sops, so that new values are encrypted",
	}
}

// decryptValue is for one value: a cipher of the library remembers what it has
// decrypted.
func decryptValue(text string, key []byte, path string) (any, error) {
	return aes.NewCipher().Decrypt(text, key, path)
}

// place shows a path. Keys of a SOPS document are not encrypted.
func place(path string) string {
	if path == "" {
		return "the top"
	}
	return unwrap.Clip(strings.TrimSuffix(strings.ReplaceAll(path, ":", "."), "."))
}
