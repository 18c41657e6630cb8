// Package build makes the binaries of the control plane from the Go modules that devcluster/controlplane names, once.
//
// The folder of the binaries is named by a hash of everything that determines them. Only one process builds at a time; a
// binary appears under its name when it is complete.
package build

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/filelock"
	"github.com/capstan-gitops/capstan/devcluster/internal/scratch"
)

const (
	// progressInterval is how often a build that takes long says that it is still there.
	progressInterval = 10 * time.Second
	// linkRoom is what building and linking the largest binary needs for temporary files.
	linkRoom = 4 << 30
	// errorBytes bounds how much of the compiler's output becomes part of an error.
	errorBytes = 4 << 10
)

// Ensure returns the folder that holds the named binaries for the repository at root, and builds those that are missing.
// It reports its progress only if there is something to build.
func Ensure(ctx context.Context, root string, progress io.Writer, names ...string) (string, error) {
	r, err := readRecipe(root)
	if err != nil {
		return "", err
	}
	key, err := r.key()
	if err != nil {
		return "", err
	}
	cache := Cache(root)
	b := &builder{recipe: r, folder: filepath.Join(cache, key), progress: progress}
	wanted, err := b.missing(names)
	if err != nil || len(wanted) == 0 {
		return b.folder, err
	}
	if err := os.MkdirAll(b.folder, 0o755); err != nil {
		return "", fmt.Errorf("making the folder for binaries: %w", err)
	}
	lock, err := filelock.Acquire(ctx, filepath.Join(cache, "lock"), func() {
		b.say("waiting for another process that builds the control plane")
	})
	if err != nil {
		return "", fmt.Errorf("waiting to build the control plane: %w", err)
	}
	err = b.run(ctx, names)
	return b.folder, errors.Join(err, lock.Release())
}

type builder struct {
	recipe   recipe
	folder   string
	progress io.Writer
}

func (b *builder) say(format string, args ...any) {
	// Progress is a courtesy: a closed terminal does not stop a build.
	_, _ = fmt.Fprintf(b.progress, "devcluster: "+format+"\n", args...)
}

func (b *builder) missing(names []string) ([]command, error) {
	var wanted []command
	for _, name := range names {
		c, err := find(name)
		if err != nil {
			return nil, err
		}
		if !exists(filepath.Join(b.folder, name)) {
			wanted = append(wanted, c)
		}
	}
	return wanted, nil
}

// run looks again what is missing: whoever held the lock before may have built it.
func (b *builder) run(ctx context.Context, names []string) error {
	wanted, err := b.missing(names)
	if err != nil || len(wanted) == 0 {
		return err
	}
	tool, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("building the control plane: the go command is needed and is not in PATH: %w", err)
	}
	b.say("building %d binaries of the control plane, once; this takes some minutes", len(wanted))
	for i, c := range wanted {
		if err := b.one(ctx, tool, c, fmt.Sprintf("%d/%d", i+1, len(wanted))); err != nil {
			return err
		}
	}
	return nil
}

func (b *builder) one(ctx context.Context, tool string, c command, position string) error {
	flags, err := b.recipe.flags()
	if err != nil {
		return err
	}
	target := filepath.Join(b.folder, c.name)
	partial := target + ".partial"
	defer func() { _ = os.Remove(partial) }() // It is gone if the build succeeded.

	args := append([]string{"build"}, flags...)
	args = append(args, "-o", partial, c.pkg)
	cmd := exec.CommandContext(ctx, tool, args...)
	cmd.Dir, cmd.Env = b.recipe.folder, environment()
	var output bytes.Buffer
	cmd.Stdout, cmd.Stderr = &output, &output
	cmd.WaitDelay = progressInterval // Compilers that outlive a cancelled go command keep its output open.

	started := time.Now()
	b.say("[%s] building %s", position, c.name)
	if err := b.wait(cmd, c.name, position, started); err != nil {
		return fmt.Errorf("building %s: %w\n%s", c.name, err, end(output.Bytes()))
	}
	if err := os.Rename(partial, target); err != nil {
		return fmt.Errorf("building %s: %w", c.name, err)
	}
	info, err := os.Stat(target)
	if err != nil {
		return fmt.Errorf("building %s: %w", c.name, err)
	}
	b.say("[%s] built %s in %s, %d MB", position, c.name, time.Since(started).Round(time.Second), info.Size()/1e6)
	return nil
}

// wait runs the command and says from time to time that it is still running.
func (b *builder) wait(cmd *exec.Cmd, name, position string, started time.Time) error {
	done := make(chan error, 1)
	go func() { done <- cmd.Run() }()
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-done:
			return err
		case <-ticker.C:
			b.say("[%s] building %s, %s so far", position, name, time.Since(started).Round(time.Second))
		}
	}
}

// environment makes a build independent of the workspace and of what the caller builds for. Temporary files go to memory
// where there is room: a build writes more of them than it writes results.
func environment() []string {
	env := append(os.Environ(),
		"GOWORK=off", "GOFLAGS=", "CGO_ENABLED=0", "GOTOOLCHAIN=local",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	if os.Getenv("GOTMPDIR") == "" {
		if folder := scratch.Memory(linkRoom); folder != os.TempDir() {
			env = append(env, "GOTMPDIR="+folder)
		}
	}
	return env
}

func end(output []byte) []byte {
	return bytes.TrimSpace(output[max(0, len(output)-errorBytes):])
}
