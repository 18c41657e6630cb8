package reconciler

import (
	"regexp"
	"sync"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// causes are what a message says behind its list of objects: it comes to light
// bit by bit while the failure stays what it is.
var causes = regexp.MustCompile(`\]: .*`)

// failures remembers what was reported of each object that fails, so that the same
// failure of the same revision is reported once, however often it is tried and
// whatever was shown meanwhile.
type failures struct {
	mu   sync.Mutex
	last map[types.NamespacedName]failure
}

type failure struct {
	uid               types.UID
	reason            meta.Reason
	revision, message string
}

// isNew reports whether a failure is another than the one before, and remembers
// it.
func (f *failures) isNew(key types.NamespacedName, now failure) bool {
	now.message = status.Steady(causes.ReplaceAllString(now.message, "]"))
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[types.NamespacedName]failure{}
	}
	before := f.last[key]
	f.last[key] = now
	return before != now
}

// pause notes that an object whose Ready was False is in progress: its recovery is still
// to be reported.
func (f *failures) pause(key types.NamespacedName, uid types.UID) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.last == nil {
		f.last = map[types.NamespacedName]failure{}
	}
	if _, ok := f.last[key]; !ok {
		f.last[key] = failure{uid: uid}
	}
}

// end drops what was reported of an object that does not fail any more, and reports
// whether there was anything.
func (f *failures) end(key types.NamespacedName, uid types.UID) (recovered bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, ok := f.last[key]
	delete(f.last, key)
	return ok && last.uid == uid
}

// forget drops what was reported of an object that is gone.
func (f *failures) forget(key types.NamespacedName) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, key)
}
