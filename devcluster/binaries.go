package devcluster

import (
	"context"
	"io"
	"path/filepath"

	"github.com/capstan-gitops/capstan/devcluster/internal/build"
)

// Kubectl is the name of the command line client among the binaries.
const Kubectl = "kubectl"

// Binaries returns the names of the binaries that can be built.
func Binaries() []string { return build.Names() }

// Build makes those of the named binaries that the cache of the repository at root lacks, and returns their folder.
// A line per binary goes to progress.
func Build(ctx context.Context, root string, progress io.Writer, names ...string) (string, error) {
	return build.Ensure(ctx, root, progress, names...)
}

// Binary returns the path of one binary, which is built if need be.
func Binary(ctx context.Context, root string, progress io.Writer, name string) (string, error) {
	folder, err := build.Ensure(ctx, root, progress, name)
	if err != nil {
		return "", err
	}
	return filepath.Join(folder, name), nil
}
