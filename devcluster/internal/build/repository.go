package build

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// moduleFolder is the module that names the upstream commands, below the root of the repository.
const moduleFolder = "devcluster/controlplane"

// cacheVariable names a folder to use instead of .cache at the root of the repository.
const cacheVariable = "CAPSTAN_CACHE"

// FindRoot walks up from a folder to the root of the repository: where go.work lies beside the control plane's module.
func FindRoot(from string) (string, error) {
	from, err := filepath.Abs(from)
	if err != nil {
		return "", fmt.Errorf("looking for the repository: %w", err)
	}
	for folder := from; ; folder = filepath.Dir(folder) {
		if exists(filepath.Join(folder, "go.work")) && exists(filepath.Join(folder, moduleFolder, "go.mod")) {
			return folder, nil
		}
		if folder == filepath.Dir(folder) {
			return "", fmt.Errorf("looking for the repository: no folder from %s upwards holds go.work and %s", from, moduleFolder)
		}
	}
}

// Cache returns the folder that holds what was built, for a repository.
func Cache(root string) string {
	cache := os.Getenv(cacheVariable)
	if cache == "" {
		cache = filepath.Join(root, ".cache")
	}
	return filepath.Join(cache, "devcluster", "bin")
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
