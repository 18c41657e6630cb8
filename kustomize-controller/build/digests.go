package build

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// maxDigests is how many digests are kept, some 150 bytes each.
const maxDigests = 50_000

// digestKey names an object as it comes out of the builds of a unit. An object of
// which that is not known has an empty name and is not kept.
type digestKey struct {
	unit   types.UID
	object string
}

// digests remembers the digests of objects that builds gave. The zero value is ready
// for use.
type digests struct {
	once sync.Once
	kept *lru.Cache
}

func (d *digests) cache() *lru.Cache {
	d.once.Do(func() { d.kept = lru.New(maxDigests) })
	return d.kept
}

func (d *digests) get(key digestKey) (inventory.DesiredDigest, bool) {
	if key.object == "" {
		return inventory.DesiredDigest{}, false
	}
	digest, ok := d.cache().Get(key)
	if !ok {
		return inventory.DesiredDigest{}, false
	}
	return digest.(inventory.DesiredDigest), true
}

func (d *digests) add(key digestKey, digest inventory.DesiredDigest) {
	if key.object != "" {
		d.cache().Add(key, digest)
	}
}
