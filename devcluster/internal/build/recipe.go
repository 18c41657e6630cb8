package build

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
)

const (
	kubernetes    = "k8s.io/kubernetes"
	versionPrefix = "k8s.io/component-base/version."
)

// command is a binary and the package it is built from.
type command struct {
	name string
	pkg  string
}

// commands returns what can be built; those that an API server alone needs come first.
func commands() []command {
	return []command{
		{"etcd", "go.etcd.io/etcd/server/v3"},
		{"kube-apiserver", kubernetes + "/cmd/kube-apiserver"},
		{"kube-controller-manager", kubernetes + "/cmd/kube-controller-manager"},
		{"kube-scheduler", kubernetes + "/cmd/kube-scheduler"},
		{"kwok", "sigs.k8s.io/kwok/cmd/kwok"},
		{"kubectl", kubernetes + "/cmd/kubectl"},
	}
}

// Names returns the names of all binaries.
func Names() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

func find(name string) (command, error) {
	for _, c := range commands() {
		if c.name == name {
			return c, nil
		}
	}
	return command{}, fmt.Errorf("there is no binary %q; there are %s", name, strings.Join(Names(), ", "))
}

// recipe is everything that determines the bytes of the binaries.
type recipe struct {
	folder string // of the module that names the commands
	goMod  []byte
	goSum  []byte
}

func readRecipe(root string) (recipe, error) {
	r := recipe{folder: filepath.Join(root, moduleFolder)}
	var err error
	if r.goMod, err = os.ReadFile(filepath.Join(r.folder, "go.mod")); err != nil {
		return recipe{}, fmt.Errorf("reading the control plane's module: %w", err)
	}
	if r.goSum, err = os.ReadFile(filepath.Join(r.folder, "go.sum")); err != nil {
		return recipe{}, fmt.Errorf("reading the control plane's module: %w", err)
	}
	return r, nil
}

// key names the folder of the binaries: whatever changes them changes the key, so a folder is never stale.
func (r recipe) key() (string, error) {
	flags, err := r.flags()
	if err != nil {
		return "", err
	}
	hash := sha256.New()
	for _, part := range []string{
		string(r.goMod), string(r.goSum), runtime.Version(), runtime.GOOS, runtime.GOARCH, strings.Join(flags, "\x00"),
	} {
		_, _ = fmt.Fprintf(hash, "%d:%s", len(part), part) // Writing to a hash does not fail.
	}
	return hex.EncodeToString(hash.Sum(nil))[:16], nil
}

// flags returns the arguments of go build. The version variables make the server report the release it is: charts refuse
// to be installed on the version that a plain build reports.
func (r recipe) flags() ([]string, error) {
	version, err := r.kubernetesVersion()
	if err != nil {
		return nil, err
	}
	major, rest, _ := strings.Cut(strings.TrimPrefix(version, "v"), ".")
	minor, _, found := strings.Cut(rest, ".")
	if !found {
		return nil, fmt.Errorf("reading the control plane's module: version %q of %s is not of the form v1.2.3", version, kubernetes)
	}
	ldflags := []string{"-s", "-w"}
	for _, variable := range [][2]string{
		{"gitVersion", version},
		{"gitMajor", major},
		{"gitMinor", minor},
		{"gitTreeState", "clean"},
		{"gitCommit", "module-" + version},
	} {
		ldflags = append(ldflags, "-X", versionPrefix+variable[0]+"="+variable[1])
	}
	return []string{"-trimpath", "-buildvcs=false", "-mod=readonly", "-ldflags=" + strings.Join(ldflags, " ")}, nil
}

// kubernetesVersion returns the version of k8s.io/kubernetes that go.mod requires.
func (r recipe) kubernetesVersion() (string, error) {
	lines := bufio.NewScanner(bytes.NewReader(r.goMod))
	for lines.Scan() {
		fields := strings.Fields(strings.TrimPrefix(strings.TrimSpace(lines.Text()), "require "))
		if len(fields) >= 2 && fields[0] == kubernetes && strings.HasPrefix(fields[1], "v") {
			return fields[1], nil
		}
	}
	return "", fmt.Errorf("reading the control plane's module: it does not require %s", kubernetes)
}
