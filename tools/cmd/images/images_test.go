package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry/handlers"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"github.com/sirupsen/logrus"
	"oras.land/oras-go/v2/content"
	"oras.land/oras-go/v2/registry/remote"
)

// controller is the one that is built: the smallest.
const controller = "notification-controller"

func root(t *testing.T) string {
	t.Helper()
	root, err := filepath.Abs("../../..")
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// registry starts a real registry that keeps everything in memory.
func registry(t *testing.T) string {
	t.Helper()
	logrus.SetOutput(io.Discard)
	log.SetOutput(io.Discard)
	config := &configuration.Configuration{Storage: configuration.Storage{"inmemory": configuration.Parameters{}}}
	config.Log.AccessLog.Disabled = true
	config.Catalog.MaxEntries = 100
	server := httptest.NewServer(handlers.NewApp(t.Context(), config))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// TestImage builds an image twice, which gives the same bytes, pushes it to a registry,
// and looks at what a cluster would pull from there.
func TestImage(t *testing.T) {
	host := registry(t)
	args := []string{"-root", root(t), "-platforms", "linux/" + runtime.GOARCH, "-tag", "v9", "-push", host + "/team"}
	var digests []string
	var out string
	for range 2 {
		out = t.TempDir()
		o, err := parse(append(args, "-out", out, controller), io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		var said bytes.Buffer
		if err := run(t.Context(), o, &said); err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(said.String()) {
			if digest := strings.TrimSpace(line); strings.HasPrefix(digest, "sha256:") {
				digests = append(digests, digest)
			}
		}
	}
	if len(digests) != 2 || digests[0] != digests[1] {
		t.Fatalf("the same source gave %v", digests)
	}

	pulled := pull(t, host+"/team/"+controller, "v9", digests[0])
	if len(pulled.index.Manifests) != 1 || pulled.index.Manifests[0].Platform.Architecture != runtime.GOARCH {
		t.Errorf("the index has %+v", pulled.index.Manifests)
	}
	config := pulled.config.Config
	if config.User != "65532:65532" || len(config.Entrypoint) != 1 || config.Entrypoint[0] != "/usr/local/bin/"+controller {
		t.Errorf("it runs as %q: %v", config.User, config.Entrypoint)
	}
	roots, count := pulled.files[certificates], 0
	for block, rest := pem.Decode(roots); block != nil; block, rest = pem.Decode(rest) {
		count++
	}
	if count < 100 {
		t.Errorf("it has %d certificates", count)
	}
	if help := execute(t, pulled.files["usr/local/bin/"+controller], "--help"); !strings.Contains(help, "--events-addr") && !strings.Contains(help, "--receiverAddr") {
		t.Errorf("its program says %s", help)
	}
	archive := readTar(t, filepath.Join(out, controller+".tar"))
	var docker []struct{ Config string }
	if err := json.Unmarshal(archive["manifest.json"], &docker); err != nil || len(docker) != 1 || archive[docker[0].Config] == nil {
		t.Errorf("docker load finds %s, %v", archive["manifest.json"], err)
	}
	var index v1.Index
	if err := json.Unmarshal(archive[v1.ImageIndexFile], &index); err != nil || len(index.Manifests) != 1 ||
		index.Manifests[0].Annotations[nameAnnotation] != "ghcr.io/capstan-gitops/"+controller+":v9" {
		t.Errorf("containerd finds %s, %v", archive[v1.ImageIndexFile], err)
	}
}

// pulledImage is an image as it was pulled, for one platform.
type pulledImage struct {
	index  v1.Index
	config v1.Image
	files  map[string][]byte
}

func pull(t *testing.T, name, tag, digest string) pulledImage {
	t.Helper()
	repository, err := remote.NewRepository(name)
	if err != nil {
		t.Fatal(err)
	}
	repository.PlainHTTP = true
	fetch := func(d v1.Descriptor) []byte {
		t.Helper()
		blob, err := content.FetchAll(t.Context(), repository, d)
		if err != nil {
			t.Fatal(err)
		}
		return blob
	}
	decode := func(d v1.Descriptor, into any) {
		t.Helper()
		if err := json.Unmarshal(fetch(d), into); err != nil {
			t.Fatal(err)
		}
	}
	top, err := repository.Resolve(t.Context(), tag)
	if err != nil || string(top.Digest) != digest {
		t.Fatalf("the tag names %s, %v; %s was pushed", top.Digest, err, digest)
	}
	p := pulledImage{files: map[string][]byte{}}
	decode(top, &p.index)
	var manifest v1.Manifest
	decode(p.index.Manifests[0], &manifest)
	decode(manifest.Config, &p.config)
	for _, l := range manifest.Layers {
		zip, err := gzip.NewReader(bytes.NewReader(fetch(l)))
		if err != nil {
			t.Fatal(err)
		}
		for name, content := range untar(t, zip) {
			p.files[name] = content
		}
	}
	return p
}

func readTar(t *testing.T, path string) map[string][]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return untar(t, bytes.NewReader(data))
}

func untar(t *testing.T, in io.Reader) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for archive := tar.NewReader(in); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if header.ModTime.Unix() != 0 {
			t.Errorf("%s has a date", header.Name)
		}
		if files[header.Name], err = io.ReadAll(archive); err != nil {
			t.Fatal(err)
		}
	}
}

func execute(t *testing.T, program []byte, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	if err := os.WriteFile(path, program, 0o700); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), path, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return string(out)
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		why  string
		args []string
		says string
	}{
		"Default":  {"everything for both platforms", nil, ""},
		"Platform": {"there is no image of another system", []string{"-platforms", "windows/amd64"}, "is not linux/ARCHITECTURE"},
		"Scheme":   {"a registry is named without a scheme", []string{"-push", "https://registry.example.com"}, "leave out the scheme"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(c.args, io.Discard)
			switch {
			case c.says == "" && (err != nil || len(o.platforms) != 2):
				t.Errorf("%s: got %+v, %v", c.why, o, err)
			case c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)):
				t.Errorf("%s: got %v", c.why, err)
			}
		})
	}
	if err := run(t.Context(), options{root: root(t), controllers: []string{"no-controller"}}, io.Discard); err == nil || !strings.Contains(err.Error(), "source-controller") {
		t.Errorf("a controller that is not: %v", err)
	}
}
