package view

import (
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/scrub"
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

// Secrets are the values that are to be kept out of errors: those of Secrets and secret
// generators in what was read and in the files that were generated, and all of what was
// decrypted or a secret generator reads.
func (t *Tree) Secrets(generated map[string][]byte) *scrub.Secrets {
	found := &scrub.Secrets{}
	for _, data := range generated {
		found.AddManifests(data)
	}
	for name, data := range t.content {
		if t.decrypted[name] || t.encrypted[name] && !t.patches[name] {
			found.AddFile(data)
		} else {
			found.AddManifests(data)
		}
	}
	return found
}
