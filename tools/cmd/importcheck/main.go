// Command importcheck checks what the binaries depend on in the end: Helm, SOPS,
// slack-go, go-git and the cloud SDKs stay out of every binary that does not need
// them. A forbidden dependency is reported with the chain of imports that brings it.
//
// Usage: importcheck ROOT.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// module is where our packages start.
const module = "github.com/capstan-gitops/capstan/"

// heavy are the libraries that only some binaries may contain. The kustomize library
// is in every binary, because fluxcd/pkg/runtime brings it; depguard keeps our own
// code from importing it.
var heavy = []string{
	"helm.sh/helm",
	"github.com/getsops/sops",
	"github.com/slack-go/slack",
	"github.com/go-git/go-git",
	"oras.land/oras-go",
	"github.com/aws/aws-sdk-go",
	"github.com/Azure/azure-sdk-for-go",
	"cloud.google.com/go",
	"github.com/sigstore/sigstore",
	"k8s.io/kubernetes",
	"go.etcd.io/etcd/server",
	module + "pkg/testkit",
	module + "devcluster",
}

// rules says, for every binary and for the API types, which of heavy it may contain.
var rules = map[string][]string{
	"source-controller": {"github.com/go-git/go-git"},
	"kustomize-controller": {
		"github.com/go-git/go-git", // remote bases
		"github.com/getsops/sops", "github.com/aws/aws-sdk-go", "github.com/Azure/azure-sdk-for-go", "cloud.google.com/go",
	},
	"notification-controller": {"github.com/slack-go/slack"},
	"apis/...":                {},
	"devcluster/cmd/...":      {module + "devcluster"},
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: importcheck ROOT")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string) error {
	var failures []error
	mains, err := filepath.Glob(filepath.Join(root, "*-controller", "main.go"))
	if err != nil {
		return fmt.Errorf("looking for binaries: %w", err)
	}
	for _, file := range mains {
		if name := filepath.Base(filepath.Dir(file)); rules[name] == nil {
			failures = append(failures, fmt.Errorf("%s: tools/cmd/importcheck has no rule for this binary; add one", name))
		}
	}
	for target, allowed := range rules {
		graph, err := load(root, "./"+target)
		if err != nil {
			return err
		}
		for _, chain := range graph.forbidden(allowed) {
			failures = append(failures, fmt.Errorf("%s may not contain %s; it comes by\n  %s",
				target, chain[len(chain)-1], strings.Join(chain, "\n  -> ")))
		}
	}
	return errors.Join(failures...)
}

// graph is who imports whom, beginning with roots.
type graph struct {
	roots   []string
	imports map[string][]string
}

// load asks the go command for everything below a pattern.
func load(root, pattern string) (*graph, error) {
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,DepOnly,Standard", pattern)
	cmd.Dir, cmd.Stderr = root, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK="+filepath.Join(root, "go.work"))
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing the dependencies of %s: %w", pattern, err)
	}
	return decode(strings.NewReader(string(out)))
}

func decode(r io.Reader) (*graph, error) {
	g := &graph{imports: map[string][]string{}}
	for dec := json.NewDecoder(r); ; {
		var p struct {
			ImportPath        string
			Imports           []string
			DepOnly, Standard bool
		}
		err := dec.Decode(&p)
		if err == io.EOF {
			return g, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading the list of dependencies: %w", err)
		}
		if p.Standard {
			continue
		}
		g.imports[p.ImportPath] = p.Imports
		if !p.DepOnly {
			g.roots = append(g.roots, p.ImportPath)
		}
	}
}

// forbidden returns, for every library that is there and not allowed, a shortest
// chain of imports that leads to it.
func (g *graph) forbidden(allowed []string) [][]string {
	parent := map[string]string{}
	queue := append([]string(nil), g.roots...)
	for _, r := range g.roots {
		parent[r] = ""
	}
	var chains [][]string
	seen := map[string]bool{}
	for len(queue) > 0 {
		name := queue[0]
		queue = queue[1:]
		if lib := within(name, heavy); lib != "" && within(name, allowed) == "" && !seen[lib] {
			seen[lib] = true
			chains = append(chains, chain(name, parent))
		}
		for _, next := range g.imports[name] {
			if _, known := parent[next]; !known && g.imports[next] != nil {
				parent[next] = name
				queue = append(queue, next)
			}
		}
	}
	return chains
}

// within returns which of the libraries a package belongs to, if any.
func within(name string, libraries []string) string {
	for _, lib := range libraries {
		if rest, ok := strings.CutPrefix(name, lib); ok && (rest == "" || strings.ContainsRune("/-", rune(rest[0]))) {
			return lib
		}
	}
	return ""
}

func chain(name string, parent map[string]string) []string {
	var out []string
	for ; name != ""; name = parent[name] {
		out = append([]string{name}, out...)
	}
	return out
}
