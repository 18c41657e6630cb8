package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// module writes a repository that holds a control plane's module and nothing else.
func module(t *testing.T, goMod string) string {
	t.Helper()
	root := t.TempDir()
	folder := filepath.Join(root, moduleFolder)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string]string{
		filepath.Join(root, "go.work"):  "go 1.26.0\n",
		filepath.Join(folder, "go.mod"): goMod,
		filepath.Join(folder, "go.sum"): "",
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

const goMod = "module x\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.36.3\n"

func key(t *testing.T, root string) string {
	t.Helper()
	r, err := readRecipe(root)
	if err != nil {
		t.Fatal(err)
	}
	key, err := r.key()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func TestKeyFollowsTheModule(t *testing.T) {
	first := key(t, module(t, goMod))
	if again := key(t, module(t, goMod)); again != first {
		t.Errorf("the same module has keys %s and %s", first, again)
	}
	if other := key(t, module(t, goMod+"// changed\n")); other == first {
		t.Error("a changed module has the same key")
	}
	root := module(t, goMod)
	if err := os.WriteFile(filepath.Join(root, moduleFolder, "go.sum"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := key(t, root); other == first {
		t.Error("changed checksums have the same key")
	}
}

func TestFlagsCarryTheVersion(t *testing.T) {
	r, err := readRecipe(module(t, goMod))
	if err != nil {
		t.Fatal(err)
	}
	flags, err := r.flags()
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(flags, " ")
	for _, want := range []string{".gitVersion=v1.36.3", ".gitMajor=1", ".gitMinor=36", ".gitTreeState=clean", "-trimpath"} {
		if !strings.Contains(all, want) {
			t.Errorf("%s is missing in %s", want, all)
		}
	}
}

func TestModuleWithoutKubernetes(t *testing.T) {
	_, err := Ensure(t.Context(), module(t, "module x\n"), &bytes.Buffer{}, "etcd")
	if err == nil || !strings.Contains(err.Error(), "does not require k8s.io/kubernetes") {
		t.Errorf("got %v", err)
	}
}

func TestUnknownBinary(t *testing.T) {
	_, err := Ensure(t.Context(), module(t, goMod), &bytes.Buffer{}, "kubelet")
	if err == nil || !strings.Contains(err.Error(), `no binary "kubelet"`) {
		t.Errorf("got %v", err)
	}
}

func TestFailedBuildSaysWhyAndLeavesNothing(t *testing.T) {
	root := module(t, "module x\n\ngo 1.26.0\n\nrequire k8s.io/kubernetes v1.36.3\n\nthis is no directive\n")
	t.Setenv(cacheVariable, t.TempDir())
	var progress bytes.Buffer
	folder, err := Ensure(t.Context(), root, &progress, "etcd")
	if err == nil || !strings.Contains(err.Error(), "building etcd") || !strings.Contains(err.Error(), "go.mod:7") {
		t.Errorf("the error does not tell what is wrong: %v", err)
	}
	if !strings.Contains(progress.String(), "building etcd") {
		t.Errorf("progress: %s", progress.String())
	}
	entries, err := os.ReadDir(folder)
	if err != nil || len(entries) != 0 {
		t.Errorf("left in the cache: %v, %v", entries, err)
	}
}

func TestPresentBinariesAreNotBuilt(t *testing.T) {
	root := module(t, goMod)
	t.Setenv(cacheVariable, t.TempDir())
	folder := filepath.Join(Cache(root), key(t, root))
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "etcd"), nil, 0o700); err != nil { //nolint:gosec // It is an executable.
		t.Fatal(err)
	}
	var progress bytes.Buffer
	got, err := Ensure(t.Context(), root, &progress, "etcd")
	if err != nil || got != folder || progress.Len() != 0 {
		t.Errorf("got %s, %v, progress %q", got, err, progress.String())
	}
}

func TestFindRoot(t *testing.T) {
	root := module(t, goMod)
	got, err := FindRoot(filepath.Join(root, moduleFolder))
	if err != nil || got != root {
		t.Errorf("got %s, %v; want %s", got, err, root)
	}
	if got, err := FindRoot(t.TempDir()); err == nil {
		t.Errorf("found %s where there is no repository", got)
	}
}

// TestModuleIsTheReal reads the module that is built from: its version is what charts see.
func TestModuleIsTheReal(t *testing.T) {
	root, err := FindRoot(".")
	if err != nil {
		t.Fatal(err)
	}
	r, err := readRecipe(root)
	if err != nil {
		t.Fatal(err)
	}
	if version, err := r.kubernetesVersion(); err != nil || version != "v1.36.3" {
		t.Errorf("got %s, %v", version, err)
	}
	for _, c := range commands() {
		if !bytes.Contains(r.goMod, []byte("\t"+c.pkg+"\n")) {
			t.Errorf("%s is not named as a tool: tidying would drop it", c.pkg)
		}
	}
}
