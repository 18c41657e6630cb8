package main

import (
	"archive/tar"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"

	v1 "github.com/opencontainers/image-spec/specs-go/v1"
	"oras.land/oras-go/v2"
	"oras.land/oras-go/v2/content/oci"
	"oras.land/oras-go/v2/registry/remote"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/credentials"
	"oras.land/oras-go/v2/registry/remote/retry"
)

// nameAnnotation is by which containerd learns the name of an image from an archive.
const nameAnnotation = "io.containerd.image.name"

// entries are the files of an OCI image layout, by name.
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func (img *image) entries() (map[string][]byte, error) {
	files := map[string][]byte{}
	for d, content := range img.blobs {
		files["blobs/"+string(d.Algorithm())+"/"+d.Encoded()] = content
	}
	top := img.index
	top.Annotations = map[string]string{v1.AnnotationRefName: img.tag, nameAnnotation: img.name}
	index := v1.Index{MediaType: v1.MediaTypeImageIndex, Manifests: []v1.Descriptor{top}}
	index.SchemaVersion = 2
	for name, document := range map[string]any{v1.ImageLayoutFile: v1.ImageLayout{Version: v1.ImageLayoutVersion}, v1.ImageIndexFile: index} {
		content, err := json.Marshal(document)
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", name, err)
		}
		files[name] = content
	}
	return files, nil
}

// writeLayout writes the image as an OCI layout, in place of what was there.
func (img *image) writeLayout(folder string) error {
	files, err := img.entries()
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("removing the last layout: %w", err)
	}
	for name, content := range files {
		path := filepath.Join(folder, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			return fmt.Errorf("writing the layout: %w", err)
		}
	}
	return nil
}

// writeArchive writes the layout as one file. What docker load reads of it is the image
// of the first platform; kind and containerd read all.
func (img *image) writeArchive(path string) (err error) {
	files, err := img.entries()
	if err != nil {
		return err
	}
	if files["manifest.json"], err = img.dockerManifest(); err != nil {
		return err
	}
	out, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	return writeTar(out, files)
}

// dockerManifest names the image of the first platform as docker load wants it.
func (img *image) dockerManifest() ([]byte, error) {
	type entry struct {
		Config   string
		RepoTags []string
		Layers   []string
	}
	blob := func(d v1.Descriptor) string {
		return "blobs/" + string(d.Digest.Algorithm()) + "/" + d.Digest.Encoded()
	}
	first := img.manifests[0]
	e := entry{Config: blob(first.Config), RepoTags: []string{img.name}}
	for _, l := range first.Layers {
		e.Layers = append(e.Layers, blob(l))
	}
	content, err := json.Marshal([]entry{e})
	if err != nil {
		return nil, fmt.Errorf("encoding the manifest of the archive: %w", err)
	}
	return content, nil
}

// writeTar writes files, sorted and without dates.
func writeTar(out io.Writer, files map[string][]byte) error {
	archive := tar.NewWriter(out)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(files[name])), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg}
		if err := archive.WriteHeader(header); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		if _, err := archive.Write(files[name]); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return fmt.Errorf("writing the archive: %w", err)
	}
	return nil
}

// push copies a layout to a registry. Credentials are those that docker login keeps.
func push(ctx context.Context, layout, tag, to string, plain bool) error {
	from, err := oci.New(layout)
	if err != nil {
		return fmt.Errorf("reading the layout: %w", err)
	}
	repository, err := remote.NewRepository(to)
	if err != nil {
		return fmt.Errorf("reading the name: %w", err)
	}
	store, err := credentials.NewStoreFromDocker(credentials.StoreOptions{})
	if err != nil {
		return fmt.Errorf("reading credentials: %w", err)
	}
	repository.PlainHTTP = plain || local(repository.Reference.Registry)
	repository.Client = &auth.Client{Client: retry.DefaultClient, Cache: auth.NewCache(), Credential: credentials.Credential(store)}
	_, err = oras.Copy(ctx, from, tag, repository, tag, oras.DefaultCopyOptions)
	return err
}

// local reports whether a registry is on this machine.
func local(registry string) bool {
	host, _, err := net.SplitHostPort(registry)
	if err != nil {
		host = registry
	}
	address := net.ParseIP(host)
	return host == "localhost" || address != nil && address.IsLoopback()
}
