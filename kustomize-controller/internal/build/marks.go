package build

import (
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// maxMarks is how many marks are kept, some 150 bytes each.
const maxMarks = 50_000

// markKey names an object as it comes out of the builds of a unit. An object of
// which that is not known has an empty name and is not kept.
type markKey struct {
	unit   types.UID
	object string
}

// marks remembers the marks of objects that builds gave. The zero value is ready
// for use.
type marks struct {
	once sync.Once
	kept *lru.Cache
}

func (m *marks) cache() *lru.Cache {
	m.once.Do(func() { m.kept = lru.New(maxMarks) })
	return m.kept
}

func (m *marks) get(key markKey) (inventory.DesiredDigest, bool) {
	if key.object == "" {
		return inventory.DesiredDigest{}, false
	}
	mark, ok := m.cache().Get(key)
	if !ok {
		return inventory.DesiredDigest{}, false
	}
	return mark.(inventory.DesiredDigest), true
}

func (m *marks) add(key markKey, mark inventory.DesiredDigest) {
	if key.object != "" {
		m.cache().Add(key, mark)
	}
}
