package kustomize

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// units are the directories of the monorepo that are built: overlays first, then
// directories without a kustomization file.
func units() []string {
	var dirs []string
	for _, kind := range []string{"units/u", "plain/p"} {
		for i := range 6 {
			dirs = append(dirs, fmt.Sprintf("%s%d", kind, i))
		}
	}
	return dirs
}

// monorepo is a repository with everything a build can depend on: shared bases,
// overlays, components, generators, patches and replacements in files, plug-ins,
// and directories without a kustomization file.
func monorepo(t testing.TB) fstest.MapFS {
	files := tree{"docs/readme.md": "text"}
	for i := range 3 {
		addBase(files, i)
	}
	for i := range 6 {
		unit := fmt.Sprintf("units/u%d/", i)
		files[unit+"kustomization.yaml"] = overlay(i)
		files[unit+"own.yaml"] = configMap("own", "k", "v")
		files[unit+"patch.yaml"] = object("apps/v1", "Deployment", fmt.Sprintf("d%d", i%3), "spec", map[string]any{"replicas": 2})
		files[unit+"swap.yaml"] = replacement(i, "k")
		plain := fmt.Sprintf("plain/p%d/", i)
		files[plain+"a.yaml"], files[plain+"sub/b.yml"] = configMap("a"), configMap("b")
		files[plain+"own/kustomization.yaml"], files[plain+"own/c.yaml"] = kust("resources", []string{"c.yaml"}), configMap("c")
	}
	files["components/x/kustomization.yaml"], files["components/x/extra.yaml"] = component("extra.yaml"), configMap("extra")
	files["plugins/annotate.yaml"] = object("builtin", "AnnotationsTransformer", "p", "annotations", map[string]any{"a": "b"},
		"fieldSpecs", []any{map[string]any{"path": "metadata/annotations", "create": true}})
	return files.fs(t)
}

// addBase adds a base whose generators read files of their own.
func addBase(files tree, i int) {
	base := fmt.Sprintf("bases/b%d/", i)
	files[base+"kustomization.yaml"] = kust("resources", []string{"deploy.yaml", "config.yaml"},
		"configMapGenerator", []any{map[string]any{"name": "gen", "files": []string{"data.txt"}, "envs": []string{"data.env"}}},
		"secretGenerator", []any{map[string]any{"name": "hidden", "files": []string{"key=secret.txt"}, "envs": []string{"secret.env"}}})
	files[base+"deploy.yaml"] = object("apps/v1", "Deployment", fmt.Sprintf("d%d", i), "spec", map[string]any{"replicas": 1})
	files[base+"config.yaml"] = configMap(fmt.Sprintf("c%d", i), "k", "v")
	files[base+"data.txt"], files[base+"data.env"] = "data", "A=1\n"
	files[base+"secret.txt"], files[base+"secret.env"] = "secret", "B=1\n"
	files[base+"unused.txt"] = "unused"
}

func overlay(i int, more ...any) map[string]any {
	k := kust("namespace", fmt.Sprintf("ns%d", i), "resources", []string{fmt.Sprintf("../../bases/b%d", i%3), "own.yaml"},
		"patches", []any{map[string]any{"path": "patch.yaml"}}, "replacements", []any{map[string]any{"path": "swap.yaml"}})
	if i%2 == 0 {
		k["components"] = []string{"../../components/x"}
	} else {
		k["transformers"] = []string{"../../plugins/annotate.yaml"}
	}
	maps.Copy(k, kust(more...))
	return k
}

// replacement copies a value of an overlay's own ConfigMap into that of its base.
func replacement(i int, key string) map[string]any {
	return kust("source", kust("kind", "ConfigMap", "name", "own", "fieldPath", "data."+key),
		"targets", []any{kust("select", kust("kind", "ConfigMap", "name", fmt.Sprintf("c%d", i%3)), "fieldPaths", []string{"data.copied"}, "options", kust("create", true))})
}

func component(resources ...string) map[string]any {
	c := object("kustomize.config.k8s.io/v1alpha1", "Component", "x", "resources", resources)
	delete(c, "metadata")
	return c
}

// author changes a tree as commits do.
type author struct {
	*rand.Rand
	t     testing.TB
	files fstest.MapFS
	// kinds counts the edits of each kind.
	kinds map[string]int
}

func (a *author) put(name string, value any) {
	a.files[name] = &fstest.MapFile{Data: contentOf(a.t, value), Mode: 0o644}
}

func (a *author) fresh() string { return fmt.Sprintf("n%d", a.IntN(1000)) }

// file picks a file whose path ends in one of the suffixes; any file without them.
func (a *author) file(suffixes ...string) string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(a.files)) {
		if len(suffixes) == 0 || slices.ContainsFunc(suffixes, func(end string) bool { return strings.HasSuffix(name, end) }) {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "docs/readme.md"
	}
	return names[a.IntN(len(names))]
}

// move renames a file or a whole directory.
func (a *author) move(from, to string) {
	for name, f := range maps.Clone(a.files) {
		if rest, ok := strings.CutPrefix(name+"/", from+"/"); ok {
			delete(a.files, name)
			a.files[strings.TrimSuffix(path.Join(to, rest), "/")] = f
		}
	}
}

func (a *author) remove(dir string) {
	maps.DeleteFunc(a.files, func(name string, _ *fstest.MapFile) bool { return strings.HasPrefix(name+"/", dir+"/") })
}

// edit makes one random change and says of which kind, and where.
func (a *author) edit() (kind, where string) {
	edits := a.edits()
	kinds := slices.Sorted(maps.Keys(edits))
	kind = kinds[a.IntN(len(kinds))]
	return kind, edits[kind]()
}

// edits are the kinds of change: those of single files, and those that change what
// is looked up.
func (a *author) edits() map[string]func() string {
	edits := map[string]func() string{
		"touch":  func() string { n := a.file(); a.put(n, string(a.files[n].Data)+"\n# "+a.fresh()+"\n"); return n },
		"delete": func() string { n := a.file(); delete(a.files, n); return n },
		"rename": func() string {
			n := a.file()
			a.move(n, path.Join(path.Dir(n), a.fresh()+path.Ext(n)))
			return n
		},
		"addObject": func() string {
			n := path.Join(path.Dir(a.file()), a.fresh()+".yaml")
			a.put(n, configMap(a.fresh()))
			return n
		},
		"addText": func() string { n := path.Join(path.Dir(a.file()), a.fresh()+".txt"); a.put(n, "text"); return n },
		"addFolder": func() string {
			n := path.Join(path.Dir(a.file()), a.fresh(), "deep.yaml")
			a.put(n, configMap(a.fresh()))
			return n
		},
		"document": func() string { n := "docs/" + a.fresh() + ".md"; a.put(n, "text"); return n },
		"value": func() string {
			n := a.file("/c.yaml", "own.yaml")
			a.put(n, configMap("own", "k", a.fresh()))
			return n
		},
		"generatorFile": func() string {
			n := a.file("data.txt", "secret.txt")
			a.put(n, a.fresh())
			return n
		},
		"generatorEnv": func() string {
			n := a.file("data.env", "secret.env")
			a.put(n, "A="+a.fresh()+"\n")
			return n
		},
	}
	maps.Copy(edits, a.structural())
	return edits
}

// structural are the edits that change what a look-up finds.
func (a *author) structural() map[string]func() string {
	unit := func() (int, string) { i := a.IntN(6); return i, fmt.Sprintf("units/u%d/", i) }
	return map[string]func() string{
		"fileToFolder": func() string {
			n := a.file()
			delete(a.files, n)
			a.put(n+"/inside.yaml", configMap(a.fresh()))
			return n
		},
		"folderToFile": func() string {
			n := path.Dir(a.file("/c.yaml", "/b.yml", "/extra.yaml", "/inside.yaml", "/deep.yaml"))
			a.remove(n)
			a.put(n, configMap(a.fresh()))
			return n
		},
		"moveFolder":   func() string { n := path.Dir(a.file()); a.move(n, path.Join(path.Dir(n), a.fresh())); return n },
		"removeFolder": func() string { n := path.Dir(a.file()); a.remove(n); return n },
		"spelling": func() string {
			n := a.file("kustomization.yaml", "kustomization.yml")
			to := map[string]string{".yaml": ".yml", ".yml": ".yaml"}[path.Ext(n)]
			a.move(n, strings.TrimSuffix(n, path.Ext(n))+to)
			return n
		},
		"secondSpelling": func() string {
			n := path.Join(path.Dir(a.file()), "Kustomization")
			a.put(n, kust("resources", []string{}, "namePrefix", a.fresh()))
			return n
		},
		"missingComponent": func() string {
			const n = "components/maybe"
			if _, ok := a.files[n+"/kustomization.yaml"]; ok {
				a.remove(n)
				return n
			}
			a.put(n+"/kustomization.yaml", component("more.yaml"))
			a.put(n+"/more.yaml", configMap("more", "k", a.fresh()))
			return n
		},
		"referToLater": func() string {
			i, n := unit()
			a.put(n+"kustomization.yaml", overlay(i, "resources", []string{fmt.Sprintf("../../bases/b%d", a.IntN(3)), "own.yaml", "later.yaml"}))
			return n
		},
		"later": func() string { _, n := unit(); a.put(n+"later.yaml", configMap("later", "k", a.fresh())); return n },
		"patch": func() string {
			i, n := unit()
			a.put(n+"patch.yaml", object("apps/v1", "Deployment", fmt.Sprintf("d%d", i%3), "spec", map[string]any{"replicas": a.IntN(9)}))
			return n
		},
		"replacement": func() string {
			i, n := unit()
			a.put(n+"swap.yaml", replacement(i, []string{"k", "none"}[a.IntN(2)]))
			return n
		},
		"base": func() string {
			n := fmt.Sprintf("bases/b%d/kustomization.yaml", a.IntN(3))
			a.put(n, kust("resources", []string{"deploy.yaml", "config.yaml"}, "namePrefix", a.fresh()))
			return n
		},
		"component": func() string { n := "components/x/extra.yaml"; a.put(n, configMap("extra", "k", a.fresh())); return n },
		"plugin": func() string {
			a.put("plugins/annotate.yaml", object("builtin", "AnnotationsTransformer", "p", "annotations", map[string]any{"a": a.fresh()},
				"fieldSpecs", []any{map[string]any{"path": "metadata/annotations", "create": true}}))
			return ""
		},
	}
}

// buildable says that no file is also a directory, which no tree can be.
func buildable(files fstest.MapFS) bool {
	for name := range files {
		for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
			if _, ok := files[dir]; ok {
				return false
			}
		}
	}
	return true
}
