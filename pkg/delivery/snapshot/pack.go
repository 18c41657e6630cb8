package snapshot

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/manifest"
)

const (
	// partSize is the most bytes in one Secret, whose limit is 1 MiB.
	partSize = 900 << 10
	// maxSnapshot is the most compressed bytes of one snapshot.
	maxSnapshot = 32 << 20
)

// packed is a compressed stream of objects, cut into parts.
type packed struct {
	id    string
	parts [][]byte
}

// pack compresses objects in the order in which they can be created. The same
// objects give the same bytes and the same id.
func pack(uid types.UID, objects []*unstructured.Unstructured) (packed, error) {
	sorted := slices.Clone(objects)
	manifest.Sort(sorted)
	digest := sha256.New()
	digest.Write([]byte(uid + "\n"))
	var out bytes.Buffer
	if err := compress(&out, digest, sorted); err != nil {
		return packed{}, err
	}
	p := packed{id: hex.EncodeToString(digest.Sum(nil))[:idLength]}
	for part := range slices.Chunk(out.Bytes(), partSize) {
		p.parts = append(p.parts, part)
	}
	return p, nil
}

// compress writes one object after the other, so that the text is never held as
// a whole.
func compress(out *bytes.Buffer, digest hash.Hash, objects []*unstructured.Unstructured) error {
	zip := gzip.NewWriter(out)
	both := io.MultiWriter(zip, digest)
	for _, obj := range objects {
		text, err := manifest.Encode([]*unstructured.Unstructured{Clean(obj)})
		if err != nil {
			return err
		}
		if _, err := both.Write(text); err != nil {
			return fmt.Errorf("compressing %s %q: %w", obj.GetKind(), obj.GetName(), err)
		}
		if out.Len() > maxSnapshot {
			return fmt.Errorf("the objects have more than %d MiB compressed", maxSnapshot>>20)
		}
	}
	if err := zip.Close(); err != nil {
		return fmt.Errorf("compressing: %w", err)
	}
	return nil
}
