package kustomize

import (
	"context"
	"errors"
	"path"
	"strings"

	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/address"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/bases"
	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/schema"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// run builds, and whenever the build lacks remote bases, fetches them and builds
// again: what waits for a network must hold neither a slot nor the schema. It
// begins with a slot and ends with none.
func (b *Builder) run(ctx context.Context, req Request) attempt {
	set := bases.New(bases.Options{Fetch: req.Remote, Key: b.key, Count: req.Limits.Remotes, FileBytes: req.Limits.FileBytes})
	defer set.Close()
	for {
		out := b.once(ctx, req, set)
		<-b.slots
		var need *bases.Need
		if !errors.As(out.err, &need) {
			return out
		}
		if err := set.Fetch(ctx, need.Refs); err != nil {
			return attempt{err: err}
		}
		select {
		case b.slots <- struct{}{}:
		case <-ctx.Done():
			return attempt{err: context.Cause(ctx)}
		}
	}
}

func (b *Builder) once(ctx context.Context, req Request, set *bases.Set) (out attempt) {
	run := func(how func(*schema.Shared, func() error) error, ownSchema bool) {
		out.err = how(b.schema, func() (err error) {
			out.result, err = b.attempt(ctx, req, set, ownSchema)
			return err
		})
	}
	run((*schema.Shared).Together, false)
	if errors.Is(out.err, errOwnSchema) {
		run((*schema.Shared).Alone, true)
	}
	return out
}

// mountRemotes replaces the remote entries of a kustomization file in dir by the
// places where the session's file system has them, and returns the names of those.
// If there are any, rewritten is the file as the library is to see it.
func (s *session) mountRemotes(dir string, k *types.Kustomization) (mounted []string, rewritten []byte, err error) {
	whole := *k
	need := &bases.Need{}
	resources, err := s.mountAll(dir, "resources", k.Resources, &mounted, need)
	if err != nil {
		return nil, nil, err
	}
	components, err := s.mountAll(dir, "components", k.Components, &mounted, need)
	if err != nil {
		return nil, nil, err
	}
	if len(need.Refs) > 0 {
		return nil, nil, need
	}
	if len(mounted) == 0 {
		return nil, nil, nil
	}
	whole.Resources, whole.Components = resources, components
	if rewritten, err = yaml.Marshal(&whole); err != nil {
		return nil, nil, refuse("writing the kustomization of %q: %w", s.Show(dir), err)
	}
	k.Resources, k.Components = localOnly(k.Resources), localOnly(k.Components)
	return mounted, rewritten, nil
}

func (s *session) mountAll(dir, field string, entries []string, mounted *[]string, need *bases.Need) ([]string, error) {
	out := make([]string, 0, len(entries))
	for _, entry := range entries {
		if !address.IsRemote(entry) {
			out = append(out, entry)
			continue
		}
		if !s.fetches {
			return nil, refuse("%s entry %q in %q is remote: remote bases are turned off (--no-remote-bases)", field, remote.Show(entry), s.Show(dir))
		}
		place, ref, err := s.bases.Find(entry, field == "components")
		if err != nil {
			return nil, refuse("%s entry %q in %q: %w", field, remote.Show(entry), s.Show(dir), err)
		}
		if ref != nil {
			need.Refs = append(need.Refs, *ref)
			continue
		}
		name := path.Join(s.Mount(place.Token, place.Label, place.Files), place.Path)
		*mounted = append(*mounted, name)
		out = append(out, strings.Repeat("../", strings.Count(path.Join(s.root, dir), "/"))+strings.TrimPrefix(name, "../"))
	}
	return out, nil
}

func localOnly(entries []string) []string {
	var out []string
	for _, entry := range entries {
		if !address.IsRemote(entry) {
			out = append(out, entry)
		}
	}
	return out
}
