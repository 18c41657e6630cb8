package piece

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/api/provider"
	"sigs.k8s.io/kustomize/api/resource"
	"sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/pkg/kustomize/internal/convert"
)

// Build builds the planned files, or declines. read returns the content of a file;
// what it says no to is declined, and so is a tree of fewer objects than least,
// for which pieces are not worth it. The caller holds the library's schema.
func (c *Cache) Build(p *Plan, least int, read func(name string) ([]byte, bool)) ([]Object, bool) {
	var parts []part
	total := 0
	for _, f := range p.leaves {
		data, ok := read(f.name)
		if !ok {
			return nil, false
		}
		for _, part := range c.cutter.partsOf(f, data) {
			parts = append(parts, part)
			total += part.weight
		}
	}
	if total < least {
		return nil, false
	}
	out := make([]Object, 0, total)
	taken := make(map[string]bool, total)
	for _, run := range c.cutter.runsOf(parts) {
		w, ok := p.workOf(run)
		if !ok {
			return nil, false
		}
		objects, ids, ok := c.objects(w)
		if !ok {
			return nil, false
		}
		for _, id := range ids {
			// Two objects with one name are an error, which only the library can
			// word.
			if taken[id] {
				return nil, false
			}
			taken[id] = true
		}
		out = append(out, objects...)
	}
	return out, true
}

// work is the input of one piece.
type work struct {
	key        string
	root       string
	files      map[string][]byte
	parts      []part
	namespaced bool
}

func (w *work) identity(i int) string { return w.key + "/" + strconv.Itoa(i) }

// workOf cuts the kustomization files down to the ones that lead to a run of
// parts, and those to what is listed of it.
func (p *Plan) workOf(run []part) (*work, bool) {
	w := &work{root: p.root, files: map[string][]byte{}, parts: run, namespaced: p.namespaced}
	h := sha256.New()
	put := func(name string, data []byte) {
		var size [8]byte
		for _, part := range [][]byte{[]byte(name), data} {
			binary.BigEndian.PutUint64(size[:], uint64(len(part)))
			_, _ = h.Write(size[:])
			_, _ = h.Write(part)
		}
	}
	put("", []byte(p.root))
	put(strconv.FormatBool(p.namespaced), nil)
	for _, l := range levelsOf(run) {
		data, err := yaml.Marshal(&l.k)
		if err != nil {
			return nil, false
		}
		put(l.file, data)
		w.files[l.file] = data
	}
	for _, part := range run {
		put(part.leaf.name, part.data)
		w.files[part.leaf.name] = part.data
	}
	w.key = hex.EncodeToString(h.Sum(nil))
	return w, true
}

// levelsOf returns copies of the kustomization files that lead to a run, each with
// its part of it, the root first.
func levelsOf(run []part) []*level {
	var out []*level
	copies := map[*level]*level{}
	var need func(l *level) *level
	need = func(l *level) *level {
		if have := copies[l]; have != nil {
			return have
		}
		copied := *l
		copies[l] = &copied
		if l.parent != nil {
			parent := need(l.parent)
			parent.k.Resources = append(parent.k.Resources, l.entry)
		}
		out = append(out, &copied)
		return &copied
	}
	for _, part := range run {
		l := need(part.leaf.level)
		l.k.Resources = append(l.k.Resources, part.leaf.entry)
	}
	return out
}

// run has the library build a piece.
func (w *work) run() ([]*unstructured.Unstructured, []string, bool) {
	for _, part := range w.parts {
		if !unremarkable(part.data) {
			return nil, nil, false
		}
	}
	options := &krusty.Options{LoadRestrictions: types.LoadRestrictionsNone, PluginConfig: types.DisabledPluginConfig()}
	built, err := krusty.MakeKustomizer(options).Run(newFiles(w.files), full(w.root))
	if err != nil {
		return nil, nil, false
	}
	objects := make([]*unstructured.Unstructured, 0, built.Size())
	ids := make([]string, 0, built.Size())
	for _, r := range built.Resources() {
		ids = append(ids, idOf(r))
		obj, err := convert.Object(r)
		if err != nil || (obj != nil && w.namespaced && refersWithNamespace(obj)) {
			return nil, nil, false
		}
		if obj != nil {
			objects = append(objects, obj)
		}
	}
	return objects, ids, true
}

func idOf(r *resource.Resource) string {
	id := r.CurId()
	return strings.Join([]string{id.Group, id.Version, id.Kind, id.EffectiveNamespace(), id.Name}, "\x00")
}

// unremarkable reports whether no object of a file carries an annotation that
// says to the library how to treat it: among those are names it had before, and that
// it is to be left out, which happens only after it was compared with the others.
func unremarkable(data []byte) bool {
	if !bytes.Contains(data, []byte(libraryDomain)) && bytes.IndexByte(data, '\\') < 0 {
		return true
	}
	resources, err := provider.NewDefaultDepProvider().GetResourceFactory().SliceFromBytes(data)
	if err != nil {
		return false
	}
	for _, r := range resources {
		for key := range r.GetAnnotations() {
			if strings.Contains(key, libraryDomain) {
				return false
			}
		}
	}
	return true
}
