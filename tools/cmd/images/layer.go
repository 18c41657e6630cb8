package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/pem"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/opencontainers/go-digest"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// certificates is where the certificates of authorities lie.
const certificates = "etc/ssl/certs/ca-certificates.crt"

// layer is a set of files, compressed.
type layer struct {
	compressed []byte
	plain      digest.Digest // of the archive before it was compressed
}

// file is a file or, with a name that ends in a slash, a folder.
type file struct {
	name    string
	mode    int64
	content []byte
}

// baseLayer holds what every image has: certificates, the user, and a place for
// temporary files.
func baseLayer() (layer, error) {
	var roots bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue // valid for some certificates only, which a list cannot say
		}
		if err := pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}); err != nil {
			return layer{}, fmt.Errorf("writing certificates: %w", err)
		}
	}
	return newLayer(
		file{name: certificates, mode: 0o644, content: roots.Bytes()},
		file{name: "etc/passwd", mode: 0o644, content: []byte("controller:x:65532:65532::/:/none\n")},
		file{name: "etc/group", mode: 0o644, content: []byte("controller:x:65532:\n")},
		file{name: "tmp/", mode: 0o1777},
	)
}

// newLayer packs files with the folders they are in, sorted, and without dates.
func newLayer(files ...file) (layer, error) {
	var plain bytes.Buffer
	archive := tar.NewWriter(&plain)
	for _, f := range withFolders(files) {
		header := &tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.content)), ModTime: time.Unix(0, 0), Typeflag: tar.TypeReg, Format: tar.FormatUSTAR}
		if strings.HasSuffix(f.name, "/") {
			header.Typeflag = tar.TypeDir
		}
		if err := archive.WriteHeader(header); err != nil {
			return layer{}, fmt.Errorf("packing %s: %w", f.name, err)
		}
		if _, err := archive.Write(f.content); err != nil {
			return layer{}, fmt.Errorf("packing %s: %w", f.name, err)
		}
	}
	if err := archive.Close(); err != nil {
		return layer{}, fmt.Errorf("packing: %w", err)
	}
	var compressed bytes.Buffer
	zip := gzip.NewWriter(&compressed)
	if _, err := zip.Write(plain.Bytes()); err != nil {
		return layer{}, fmt.Errorf("compressing: %w", err)
	}
	if err := zip.Close(); err != nil {
		return layer{}, fmt.Errorf("compressing: %w", err)
	}
	return layer{compressed: compressed.Bytes(), plain: digest.FromBytes(plain.Bytes())}, nil
}

// withFolders adds the folders that files are in.
func withFolders(files []file) []file {
	all := map[string]file{}
	for _, f := range files {
		all[f.name] = f
		for dir := path.Dir(strings.TrimSuffix(f.name, "/")); dir != "."; dir = path.Dir(dir) {
			if _, ok := all[dir+"/"]; !ok {
				all[dir+"/"] = file{name: dir + "/", mode: 0o755}
			}
		}
	}
	sorted := make([]file, 0, len(all))
	for _, f := range all {
		sorted = append(sorted, f)
	}
	slices.SortFunc(sorted, func(a, b file) int { return strings.Compare(a.name, b.name) })
	return sorted
}
