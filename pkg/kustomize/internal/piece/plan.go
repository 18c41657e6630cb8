// Package piece builds a large plain tree in pieces, and keeps what a piece gave.
//
// The kustomize library compares every object with all others each time it adds
// one, which makes a folder of thousands a matter of many seconds. Where a tree only
// uses features that treat every object by itself, the objects of some files are
// what the library makes of the same kustomization files with all other resources
// left out. So the files are cut into short runs, the library builds each run, and
// only runs with a changed file are built again.
//
// Nothing is interpreted here but the list of resources. Whatever is not plainly
// covered by that argument is declined, also every error, and left to one run of
// the library over everything: a wrong decline costs time, never a result.
package piece

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"sigs.k8s.io/kustomize/api/konfig"
	"sigs.k8s.io/kustomize/api/types"

	"github.com/capstan-gitops/capstan/pkg/kustomize/record"
)

// libraryDomain is in the name of every annotation by which an object instructs the
// library how to treat it.
const libraryDomain = "config.kubernetes.io"

// Source is what a plan is made from. An answer of false declines.
type Source interface {
	// Kustomization returns the one kustomization file of a directory.
	Kustomization(dir string) (name string, k *types.Kustomization, ok bool)
	// Join returns the name of an entry of a kustomization file in dir.
	Join(dir, entry string) (name string, ok bool)
	// Kind says what is at a name.
	Kind(name string) (kind record.Kind, ok bool)
}

// level is one kustomization file of the tree, without its resources.
type level struct {
	dir    string
	file   string
	k      types.Kustomization
	parent *level
	// entry is how the parent lists it.
	entry string
}

// leaf is a file with objects.
type leaf struct {
	level *level
	entry string
	name  string
}

// Plan is the order in which a plain tree lists its files.
type Plan struct {
	root       string
	leaves     []leaf
	namespaced bool
}

type planner struct {
	source Source
	plan   *Plan
	seen   map[string]bool
	// renamed says that a field goes by another name, noted that the library
	// writes down what it did.
	renamed, noted bool
}

// Make plans the tree at dir, or declines.
func Make(source Source, dir string) (*Plan, bool) {
	p := &planner{source: source, plan: &Plan{root: dir}, seen: map[string]bool{}}
	if !p.visit(&level{dir: dir}) || (p.renamed && p.noted) {
		return nil, false
	}
	return p.plan, true
}

func (p *planner) visit(l *level) bool {
	file, k, ok := p.source.Kustomization(l.dir)
	if !ok || !plain(k) || p.seen[l.dir] {
		return false
	}
	p.seen[l.dir] = true
	entries := k.Resources
	l.file, l.k = file, *k
	l.k.Resources = nil
	if pairs := *commonLabels(&l.k); len(pairs) > 0 {
		// The same by another name. The library would warn about the old one on
		// the standard error output, once a piece. An account of what was
		// transformed by what would tell the two apart.
		p.renamed = true
		l.k.Labels = append(slices.Clone(k.Labels), types.Label{Pairs: pairs, IncludeSelectors: true})
		*commonLabels(&l.k) = nil
	}
	p.noted = p.noted || len(k.BuildMetadata) > 0
	p.plan.namespaced = p.plan.namespaced || k.Namespace != ""
	for _, entry := range entries {
		if !p.add(l, entry) {
			return false
		}
	}
	return len(entries) > 0
}

func (p *planner) add(l *level, entry string) bool {
	name, ok := p.source.Join(l.dir, entry)
	if !ok {
		return false
	}
	kind, ok := p.source.Kind(name)
	switch {
	case !ok || p.seen[name]:
		return false
	case kind == record.KindFile:
		p.seen[name] = true
		p.plan.leaves = append(p.plan.leaves, leaf{level: l, entry: entry, name: name})
		return !special(path.Base(name))
	case kind == record.KindDir:
		return !above(name, l) && p.visit(&level{dir: name, parent: l, entry: entry})
	}
	return false
}

// special reports whether a file is not to be listed as a resource.
func special(base string) bool {
	for _, name := range konfig.RecognizedKustomizationFileNames() {
		if base == name {
			return true
		}
	}
	return false
}

// above reports whether dir holds l or anything that led to it: the library takes
// that for a cycle.
func above(dir string, l *level) bool {
	for ; l != nil; l = l.parent {
		if dir == "." || l.dir == dir || strings.HasPrefix(l.dir, dir+"/") {
			return true
		}
	}
	return false
}

// plain reports whether a kustomization file only uses fields that treat every
// object by itself and give no object another name.
func plain(k *types.Kustomization) bool {
	if k.Kind != types.KustomizationKind {
		return false
	}
	for key := range k.CommonAnnotations {
		if strings.Contains(key, libraryDomain) {
			return false
		}
	}
	allowed := types.Kustomization{
		TypeMeta: k.TypeMeta, MetaData: k.MetaData, Resources: k.Resources,
		Namespace: k.Namespace, Images: k.Images,
		Labels: k.Labels, CommonAnnotations: k.CommonAnnotations,
		BuildMetadata: k.BuildMetadata,
	}
	*commonLabels(&allowed) = *commonLabels(k)
	return reflect.DeepEqual(*k, allowed)
}

func commonLabels(k *types.Kustomization) *map[string]string {
	return &k.CommonLabels //nolint:staticcheck // deprecated, and in use everywhere
}
