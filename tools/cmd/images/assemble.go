package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/opencontainers/go-digest"
	"github.com/opencontainers/image-spec/specs-go"
	v1 "github.com/opencontainers/image-spec/specs-go/v1"
)

// user is as whom the binary runs. It is a number, so that a cluster that refuses root
// can tell.
const user = "65532:65532"

// image is everything an image consists of.
type image struct {
	// name is the whole name, with the tag.
	name, tag string
	// blobs are its parts by digest; index is the one that names the others.
	blobs map[digest.Digest][]byte
	index v1.Descriptor
	// configs are the configurations of each platform, with their layers.
	manifests []v1.Manifest
}

// assemble builds the binaries of a controller, and the image around them.
func assemble(ctx context.Context, o options, controller string) (*image, error) {
	img := &image{name: o.repository + "/" + controller + ":" + o.tag, tag: o.tag, blobs: map[digest.Digest][]byte{}}
	base, err := baseLayer()
	if err != nil {
		return nil, err
	}
	var parts []v1.Descriptor
	for _, p := range o.platforms {
		binary, err := compile(ctx, o.root, controller, p)
		if err != nil {
			return nil, fmt.Errorf("compiling for %s: %w", p, err)
		}
		program, err := newLayer(file{name: "usr/local/bin/" + controller, mode: 0o755, content: binary})
		if err != nil {
			return nil, err
		}
		part, err := img.add(o, controller, p, base, program)
		if err != nil {
			return nil, err
		}
		parts = append(parts, part)
	}
	img.index, err = img.put(v1.MediaTypeImageIndex, v1.Index{
		Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageIndex, Manifests: parts, Annotations: annotations(o, controller),
	})
	return img, err
}

// add adds the image of one platform.
func (img *image) add(o options, controller string, p platform, layers ...layer) (v1.Descriptor, error) {
	config := v1.Image{
		Platform: v1.Platform{OS: p.os, Architecture: p.arch},
		Config: v1.ImageConfig{
			User: user, WorkingDir: "/", Entrypoint: []string{"/usr/local/bin/" + controller},
			Env: []string{"PATH=/usr/local/bin", "SSL_CERT_FILE=/" + certificates}, Labels: annotations(o, controller),
		},
		RootFS: v1.RootFS{Type: "layers"},
	}
	manifest := v1.Manifest{Versioned: specs.Versioned{SchemaVersion: 2}, MediaType: v1.MediaTypeImageManifest, Annotations: annotations(o, controller)}
	for _, l := range layers {
		config.RootFS.DiffIDs = append(config.RootFS.DiffIDs, l.plain)
		manifest.Layers = append(manifest.Layers, img.store(v1.MediaTypeImageLayerGzip, l.compressed))
	}
	var err error
	if manifest.Config, err = img.put(v1.MediaTypeImageConfig, config); err != nil {
		return v1.Descriptor{}, err
	}
	img.manifests = append(img.manifests, manifest)
	descriptor, err := img.put(v1.MediaTypeImageManifest, manifest)
	descriptor.Platform = &v1.Platform{OS: p.os, Architecture: p.arch}
	return descriptor, err
}

// put stores a document of the image.
func (img *image) put(mediaType string, document any) (v1.Descriptor, error) {
	content, err := json.Marshal(document)
	if err != nil {
		return v1.Descriptor{}, fmt.Errorf("encoding %s: %w", mediaType, err)
	}
	return img.store(mediaType, content), nil
}

func (img *image) store(mediaType string, content []byte) v1.Descriptor {
	d := digest.FromBytes(content)
	img.blobs[d] = content
	return v1.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(content))}
}

func annotations(o options, controller string) map[string]string {
	return map[string]string{
		v1.AnnotationTitle: controller, v1.AnnotationVersion: o.tag, v1.AnnotationLicenses: "Apache-2.0",
		v1.AnnotationSource: "https://github.com/capstan-gitops/capstan",
	}
}

// compile builds the binary of a controller, static and without traces of where.
func compile(ctx context.Context, root, controller string, p platform) ([]byte, error) {
	folder, err := os.MkdirTemp("", "capstan-image-")
	if err != nil {
		return nil, fmt.Errorf("making a folder: %w", err)
	}
	defer func() { _ = os.RemoveAll(folder) }()
	binary := filepath.Join(folder, controller)
	var output bytes.Buffer
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", binary, ".")
	cmd.Dir, cmd.Stdout, cmd.Stderr = filepath.Join(root, controller), &output, &output
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+p.os, "GOARCH="+p.arch, "GOWORK="+filepath.Join(root, "go.work"), "GOFLAGS=")
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(output.String()))
	}
	content, err := os.ReadFile(binary)
	if err != nil {
		return nil, fmt.Errorf("reading the binary: %w", err)
	}
	return content, nil
}
