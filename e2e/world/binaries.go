package world

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// Controller names one of our controllers.
type Controller string

// The controllers of a world.
const (
	Notification Controller = "notification-controller"
	Source       Controller = "source-controller"
	Kustomize    Controller = "kustomize-controller"
)

// binFolder is where binaries are built unless the environment variable CAPSTAN_BIN_DIR names another folder.
const binFolder = ".cache/bin"

// Controllers returns all controllers in the order in which they start.
func Controllers() []Controller { return []Controller{Notification, Source, Kustomize} }

// Binaries builds each controller once, however many worlds are started with it. Its methods may be called from several
// goroutines.
type Binaries struct {
	mu    sync.Mutex
	built map[Controller]string
}

// Build returns the paths of controllers, and builds those that are not built yet.
func (b *Binaries) Build(ctx context.Context, root string, progress io.Writer, controllers ...Controller) (map[Controller]string, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.built == nil {
		b.built = map[Controller]string{}
	}
	paths := map[Controller]string{}
	for _, c := range controllers {
		if b.built[c] == "" {
			fresh, err := Build(ctx, root, progress, c)
			if err != nil {
				return nil, err
			}
			b.built[c] = fresh[c]
		}
		paths[c] = b.built[c]
	}
	return paths, nil
}

// Build builds controllers of the repository at root and returns their paths. A line per controller goes to progress.
func Build(ctx context.Context, root string, progress io.Writer, controllers ...Controller) (map[Controller]string, error) {
	folder := os.Getenv("CAPSTAN_BIN_DIR")
	if folder == "" {
		folder = filepath.Join(root, filepath.FromSlash(binFolder))
	}
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, fmt.Errorf("finding the folder for binaries: %w", err)
	}
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return nil, fmt.Errorf("making the folder for binaries: %w", err)
	}
	paths := map[Controller]string{}
	for _, c := range controllers {
		began := time.Now()
		path := filepath.Join(folder, string(c))
		if err := build(ctx, filepath.Join(root, string(c)), path); err != nil {
			return nil, fmt.Errorf("building %s: %w", c, err)
		}
		paths[c] = path
		_, _ = fmt.Fprintf(progress, "built %s (%s)\n", c, time.Since(began).Round(100*time.Millisecond))
	}
	return paths, nil
}

// build leaves a finished binary under the path at any time: other programs may be running or building the same one. It
// begins with the one that is there, so that go build links only when something has changed.
func build(ctx context.Context, module, path string) error {
	partial, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(partial) }()
	binary := filepath.Join(partial, filepath.Base(path))
	if err := os.Link(path, binary); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keeping the last build: %w", err)
	}
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = module, &output, &output
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	return os.Rename(binary, path)
}
