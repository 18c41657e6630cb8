package build

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"github.com/capstan-gitops/capstan/pkg/delivery/reference"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const (
	// maxCached bounds the results of all units, in compressed bytes; an object takes
	// some hundred.
	maxCached = 8 << 20
	// maxCachedUnit bounds what is kept of one, maxCachedObjects its objects: packing
	// more takes longer than building what changed of them.
	maxCachedUnit, maxCachedObjects = 1 << 20, 1000
)

// cache keeps what units were last built to, so that correcting what somebody
// changed in the cluster needs no build. Objects with values that must not be shown
// are not kept. When there is no room, the results of other units go. The zero value
// is ready for use.
type cache struct {
	mu    sync.Mutex
	units map[types.NamespacedName]cachedResult
	size  int
}

// cachedResult is a result without its objects, which are packed.
type cachedResult struct {
	Result

	digest string
	packed []byte
}

// cachedObject is an object of a build.
type cachedObject struct {
	ID     string          `json:"id"`
	Digest []byte          `json:"digest"`
	Raw    bool            `json:"raw,omitempty"`
	Object json.RawMessage `json:"object"`
}

// get returns the build of a unit that has a digest; nil if it is not kept.
func (c *cache) get(unit types.NamespacedName, digest string) *Result {
	c.mu.Lock()
	found, ok := c.units[unit]
	c.mu.Unlock()
	if !ok || found.digest != digest {
		return nil
	}
	built := found.Result
	var err error
	if built.Objects, err = unpack(found.packed); err != nil {
		return nil // it is built again
	}
	return &built
}

// put keeps a build.
func (c *cache) put(unit types.NamespacedName, built *Result) {
	c.drop(unit)
	if !cacheable(built) {
		return
	}
	packed, err := pack(built.Objects)
	if err != nil || len(packed) > maxCachedUnit {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.units == nil {
		c.units = map[types.NamespacedName]cachedResult{}
	}
	for other, b := range c.units {
		if c.size+len(packed) <= maxCached {
			break
		}
		c.size -= len(b.packed)
		delete(c.units, other)
	}
	c.size += len(packed)
	c.units[unit] = cachedResult{Result: Result{Recording: built.Recording, Transient: built.Transient}, digest: built.Digest(), packed: packed}
}

func (c *cache) drop(unit types.NamespacedName) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.size -= len(c.units[unit].packed)
	delete(c.units, unit)
}

// cacheable reports that a build is not too large and has no values that must
// not be shown.
func cacheable(built *Result) bool {
	if len(built.Objects) > maxCachedObjects {
		return false
	}
	for _, d := range built.Objects {
		if d.Sensitive || d.Kind == reference.KindSecret {
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
func pack(desired []Object) ([]byte, error) {
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
		if err := encoder.Encode(cachedObject{ID: d.ID.String(), Digest: d.Digest[:], Raw: d.Raw, Object: object}); err != nil {
			return nil, fmt.Errorf("packing %s: %w", d.Subject(), err)
		}
	}
	if err := zip.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	return bytes.Clone(out.Bytes()), nil
}

// unpack returns the objects of a build; each is decoded when somebody needs it.
func unpack(packed []byte) ([]Object, error) {
	var out []Object
	decoder := json.NewDecoder(flate.NewReader(bytes.NewReader(packed)))
	for decoder.More() {
		var o cachedObject
		if err := decoder.Decode(&o); err != nil {
			return nil, fmt.Errorf("unpacking: %w", err)
		}
		id, err := inventory.ParseID(o.ID)
		if err != nil {
			return nil, err
		}
		d := Object{ID: id, Raw: o.Raw, Encoded: o.Object}
		copy(d.Digest[:], o.Digest)
		out = append(out, d)
	}
	return out, nil
}

// Forget drops the result of a unit.
func (b *Builder) Forget(unit types.NamespacedName) { b.cache.drop(unit) }
