package kustomize

import (
	"path"

	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/document"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/fields"
)

// strict refuses a kustomization file of which the library would ignore a part.
func (s *session) strict(name string, data []byte) error {
	if f := document.Kustomization(data); f != nil {
		return refuse("parsing %q: %w", clip(s.Show(name)), f)
	}
	return nil
}

// assign notes what a kustomization file lists files as, and judges the patches
// that are written in it.
func (s *session) assign(name string, k *types.Kustomization, mounted []string) error {
	paths, texts := fields.Patches(k)
	s.files.List(append(s.within(name, k.Resources), mounted...), s.within(name, paths))
	for _, text := range texts {
		if f := document.Twice([]byte(text)); f != nil {
			return refuse("a patch in %q: %w", clip(s.Show(name)), f)
		}
	}
	return nil
}

// within returns the entries of a kustomization file that are paths of the tree.
func (s *session) within(name string, entries []string) []string {
	var inside []string
	for _, entry := range entries {
		if file, err := s.Within(path.Dir(name), entry); err == nil && entry != "" {
			inside = append(inside, file)
		}
	}
	return inside
}

// inspect refuses a file of which the library would ignore a part.
func (s *session) inspect(name string, data []byte) error {
	if f := s.files.Judge(name, data); f != nil {
		return s.Stop(refuse("reading %q: %w", clip(s.Show(name)), f))
	}
	return nil
}

// blame looks for the reason why the library failed in the files of objects, which
// says more than the library does, and where. If there is none, it returns err.
func (s *session) blame(err error) error {
	if s.Err() != nil {
		return err
	}
	if name, f := s.files.Blame(func() bool { return s.Alive() == nil }); f != nil {
		return refuse("reading %q: %w", clip(s.Show(name)), f)
	}
	return err
}
