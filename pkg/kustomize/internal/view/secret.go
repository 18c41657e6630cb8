package view

import (
	"strings"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
)

// Encrypt sends a file through the decrypt hook. A file that was pinned cannot
// change any more. What is in a patch may end up in any object. Content from
// elsewhere is never offered to the hook and its keys.
func (t *Tree) Encrypt(name string, patch bool) error {
	if mountOf(name) != "" {
		return nil
	}
	t.patches[name] = t.patches[name] || patch
	if t.encrypted[name] {
		return nil
	}
	if t.pinned[name] && t.decrypt != nil {
		return refusal.New("file %q configures a plug-in and is a secret or a patch as well", t.Show(name))
	}
	t.encrypted[name] = true
	delete(t.content, name)
	return nil
}

// Pin says that a file was judged by its content.
func (t *Tree) Pin(name string) { t.pinned[name] = true }

// PatchDecrypted reports whether a patch came out of the decrypt hook changed.
func (t *Tree) PatchDecrypted() bool {
	for name := range t.decrypted {
		if t.patches[name] {
			return true
		}
	}
	return false
}

// conceal keeps what a decrypted file says out of errors, line by line and value
// by value.
func (t *Tree) conceal(name string, cipher, plain []byte) {
	if string(cipher) == string(plain) {
		return
	}
	t.decrypted[name] = true
	for line := range strings.Lines(string(plain)) {
		line = strings.TrimSpace(line)
		for _, sep := range []string{"=", ": "} {
			if _, value, ok := strings.Cut(line, sep); ok && len(value) > 2 {
				t.Hide = append(t.Hide, line, strings.Trim(value, `"' `))
			}
		}
		if len(line) > 2 {
			t.Hide = append(t.Hide, line)
		}
	}
}
