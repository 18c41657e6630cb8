package view

import (
	"io/fs"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/refusal"
)

// mount is a tree beside the artifact.
type mount struct {
	files fs.FS
	label string
}

// Mount makes files visible beside the artifact and returns the name of their
// root. The token is what makes the name impossible to guess, the label is what it
// is called where people see it.
func (t *Tree) Mount(token, label string, files fs.FS) string {
	t.mounts[token] = mount{files, label}
	return "../" + token
}

// Mounted reports whether a name is in something that was mounted.
func (t *Tree) Mounted(name string) bool {
	mount := mountOf(name)
	_, ok := t.mounts[strings.TrimPrefix(mount, "../")]
	return ok && mount != ""
}

// mountOf returns the root of the mount that a name is in, or nothing for a name
// of the artifact.
func mountOf(name string) string {
	rest, ok := strings.CutPrefix(name, "../")
	if !ok {
		return ""
	}
	token, _, _ := strings.Cut(rest, "/")
	return "../" + token
}

// resolve returns the tree that a name is in, nil if there is none, and the name
// within it.
func (t *Tree) resolve(name string) (fs.FS, string) {
	mount := mountOf(name)
	if mount == "" {
		return t.files, name
	}
	m, ok := t.mounts[strings.TrimPrefix(mount, "../")]
	if !ok {
		return nil, ""
	}
	if name == mount {
		return m.files, "."
	}
	return m.files, strings.TrimPrefix(name, mount+"/")
}

// Show returns a name as it may be shown.
func (t *Tree) Show(name string) string {
	if mount := mountOf(name); mount != "" {
		name = t.mounts[strings.TrimPrefix(mount, "../")].label + strings.TrimPrefix(name, mount)
	}
	return refusal.Clip(name)
}
