package manifests

import (
	"fmt"
	"io/fs"
	"path"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

// root is where the files lie in the file system that a build reads.
const root = "/manifests"

// Build returns the objects of a folder of Files, such as "install", as kubectl would apply them.
func Build(folder string) ([]*unstructured.Unstructured, error) {
	files, err := inMemory()
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", folder, err)
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(files, path.Join(root, folder))
	if err != nil {
		return nil, fmt.Errorf("building %s: %w", folder, err)
	}
	var objects []*unstructured.Unstructured
	for _, resource := range built.Resources() {
		content, err := resource.Map()
		if err != nil {
			return nil, fmt.Errorf("reading %s of %s: %w", resource.CurId(), folder, err)
		}
		objects = append(objects, &unstructured.Unstructured{Object: content})
	}
	return objects, nil
}

// inMemory copies Files, because kustomize does not read from an fs.FS.
func inMemory() (filesys.FileSystem, error) {
	files := filesys.MakeFsInMemory()
	err := fs.WalkDir(Files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := Files.ReadFile(name)
		if err != nil {
			return err
		}
		return files.WriteFile(path.Join(root, name), content)
	})
	return files, err
}
