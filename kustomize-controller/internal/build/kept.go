package build

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/kustomize-controller/internal/plan"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const (
	// maxKept bounds what is kept of all units, in compressed bytes; an object takes
	// some hundred.
	maxKept = 8 << 20
	// maxKeptUnit bounds what is kept of one, maxKeptObjects its objects: packing
	// more takes longer than building what changed of them.
	maxKeptUnit, maxKeptObjects = 1 << 20, 1000
)

// kept keeps what units were last built to, so that nothing is built to put right
// what somebody changed in the cluster. Objects with values that nobody may be
// told are not kept. When there is no room, what is kept of any other unit goes.
// The zero value is ready for use.
type kept struct {
	mu    sync.Mutex
	units map[types.NamespacedName]keptBuild
	size  int
}

// keptBuild is a build without its objects, which are packed.
type keptBuild struct {
	Built

	digest string
	packed []byte
}

// keptObject is an object of a build.
type keptObject struct {
	ID     string          `json:"id"`
	Mark   []byte          `json:"mark"`
	Raw    bool            `json:"raw,omitempty"`
	Object json.RawMessage `json:"object"`
}

// get returns the build of a unit that has a digest; nil if it is not kept.
func (k *kept) get(unit types.NamespacedName, digest string) *Built {
	k.mu.Lock()
	found, ok := k.units[unit]
	k.mu.Unlock()
	if !ok || found.digest != digest {
		return nil
	}
	built := found.Built
	var err error
	if built.Desired, err = unpack(found.packed); err != nil {
		return nil // it is built again
	}
	return &built
}

// put keeps a build.
func (k *kept) put(unit types.NamespacedName, built *Built) {
	k.drop(unit)
	if !keepable(built) {
		return
	}
	packed, err := pack(built.Desired)
	if err != nil || len(packed) > maxKeptUnit {
		return
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.units == nil {
		k.units = map[types.NamespacedName]keptBuild{}
	}
	for other, b := range k.units {
		if k.size+len(packed) <= maxKept {
			break
		}
		k.size -= len(b.packed)
		delete(k.units, other)
	}
	k.size += len(packed)
	k.units[unit] = keptBuild{Built: Built{Recording: built.Recording, Ending: built.Ending}, digest: built.Digest(), packed: packed}
}

func (k *kept) drop(unit types.NamespacedName) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.size -= len(k.units[unit].packed)
	delete(k.units, unit)
}

// keepable reports that a build is not too large and has nothing in it that nobody
// may be told.
func keepable(built *Built) bool {
	if len(built.Desired) > maxKeptObjects {
		return false
	}
	for _, d := range built.Desired {
		if d.Sensitive || d.Kind == request.KindSecret {
			return false
		}
	}
	return true
}

// writers are as large as many builds.
var writers = sync.Pool{New: func() any {
	w, _ := flate.NewWriter(nil, flate.BestSpeed) // fails for levels that do not exist
	return w
}}

// pack encodes and compresses the objects of a build.
func pack(desired []plan.Desired) ([]byte, error) {
	var out bytes.Buffer
	zip := writers.Get().(*flate.Writer)
	defer writers.Put(zip)
	zip.Reset(&out)
	encoder := json.NewEncoder(zip)
	for _, d := range desired {
		object, err := d.Object.MarshalJSON()
		if err != nil {
			return nil, fmt.Errorf("encoding %s: %w", d.Subject(), err)
		}
		if err := encoder.Encode(keptObject{ID: d.ID.String(), Mark: d.Mark[:], Raw: d.Raw, Object: object}); err != nil {
			return nil, fmt.Errorf("packing %s: %w", d.Subject(), err)
		}
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return bytes.Clone(out.Bytes()), nil
}

// unpack returns the objects of a build; each is decoded when somebody needs it.
func unpack(packed []byte) ([]plan.Desired, error) {
	var out []plan.Desired
	decoder := json.NewDecoder(flate.NewReader(bytes.NewReader(packed)))
	for decoder.More() {
		var o keptObject
		if err := decoder.Decode(&o); err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		id, err := inventory.ParseID(o.ID)
		if err != nil {
			return nil, err
		}
		d := plan.Desired{ID: id, Raw: o.Raw, Encoded: o.Object}
		copy(d.Mark[:], o.Mark)
		out = append(out, d)
	}
	return out, nil
}

// Forget drops what is kept of a unit.
func (b *Builder) Forget(unit types.NamespacedName) { b.kept.drop(unit) }
