package reference

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"

	"github.com/capstan-gitops/capstan/pkg/live/named"
)

// Topic is under which the watcher keeps what this package follows.
const Topic = "references"

const (
	// absent is the version of what does not exist.
	absent = "absent"
	// maxKept is how many contents are kept, maxBytes how large one may be for it.
	maxKept  = 512
	maxBytes = 64 << 10
)

// Object is a ConfigMap or Secret as it was read.
type Object struct {
	UID             types.UID
	ResourceVersion string
	Data            map[string][]byte
}

// version names one state of an object.
func (o *Object) version() string {
	if o == nil {
		return absent
	}
	return string(o.UID) + "/" + o.ResourceVersion
}

// Options are what a Store needs.
type Options struct {
	// Watcher sees the versions.
	Watcher *named.Watcher
	// Read reads an object.
	Read Reader
	// Wakes picks the objects whose changes wake those who refer to them at once;
	// nil picks none. A change of any other object counts at the next pass.
	Wakes labels.Selector
}

// Store answers what is known of referenced objects. It is safe for concurrent
// use.
type Store struct {
	opts Options
	kept *lru.Cache

	mu sync.Mutex
	// wanting are the units that something is missing for: whatever appears wakes
	// them.
	wanting map[types.NamespacedName]bool
}

// New returns a store.
func New(opts Options) *Store {
	return &Store{opts: opts, kept: lru.New(maxKept), wanting: map[types.NamespacedName]bool{}}
}

// Concerns reports whether what was seen of a reference wakes the unit that
// follows it.
func (s *Store) Concerns(unit types.NamespacedName, seen named.Seen) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wanting[unit] || s.opts.Wakes != nil && s.opts.Wakes.Matches(labels.Set(seen.Labels))
}

func (s *Store) want(unit types.NamespacedName, something bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if something {
		s.wanting[unit] = true
	} else {
		delete(s.wanting, unit)
	}
}

// Observe follows the references of a unit and digests their versions: equal
// digests mean equal content. It is not ready until the watch has seen all of
// them; the unit is woken then.
func (s *Store) Observe(ctx context.Context, unit types.NamespacedName, refs []Reference) (digest string, ready bool, err error) {
	s.want(unit, true)
	if !s.opts.Watcher.Follow(unit, Topic, refsOf(refs)) {
		return "", false, nil
	}
	digest, err = s.Digest(ctx, refs)
	s.want(unit, err != nil || strings.Contains(digest, "@"+absent))
	return digest, err == nil, err
}

// Digest digests the versions of references as they are known now.
func (s *Store) Digest(ctx context.Context, refs []Reference) (string, error) {
	var b strings.Builder
	for _, ref := range refs {
		version, err := s.Version(ctx, ref)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "%s/%s/%s@%s\n", ref.Kind, ref.Namespace, ref.Name, version)
	}
	return b.String(), nil
}

// Version names the state a reference is in.
func (s *Store) Version(ctx context.Context, ref Reference) (string, error) {
	if seen, known := s.opts.Watcher.Lookup(refOf(ref)); known {
		if !seen.Exists {
			return (*Object)(nil).version(), nil
		}
		return (&Object{UID: seen.UID, ResourceVersion: seen.ResourceVersion}).version(), nil
	}
	obj, err := s.fetch(ctx, ref)
	return obj.version(), err
}

// Data returns the content of a reference, or nil when it does not exist.
func (s *Store) Data(ctx context.Context, ref Reference) (map[string][]byte, error) {
	key := refOf(ref)
	if seen, known := s.opts.Watcher.Lookup(key); known {
		if !seen.Exists {
			return nil, nil
		}
		if kept, ok := s.kept.Get(key); ok {
			obj := kept.(*Object)
			if obj.UID == seen.UID && obj.ResourceVersion == seen.ResourceVersion {
				return obj.Data, nil
			}
		}
	}
	obj, err := s.fetch(ctx, ref)
	if err != nil || obj == nil {
		return nil, err
	}
	return obj.Data, nil
}

// Forget drops what a unit follows.
func (s *Store) Forget(unit types.NamespacedName) {
	s.want(unit, false)
	s.opts.Watcher.Follow(unit, Topic, nil)
}

// fetch reads a reference and keeps it if it is small.
func (s *Store) fetch(ctx context.Context, ref Reference) (*Object, error) {
	obj, err := s.opts.Read(ctx, ref.Kind, types.NamespacedName{Namespace: ref.Namespace, Name: ref.Name})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", ref, err)
	}
	if obj == nil {
		return nil, nil
	}
	size := 0
	for name, value := range obj.Data {
		size += len(name) + len(value)
	}
	if size <= maxBytes {
		s.kept.Add(refOf(ref), obj)
	}
	return obj, nil
}

func refsOf(refs []Reference) []named.Ref {
	out := make([]named.Ref, 0, len(refs))
	for _, ref := range refs {
		out = append(out, refOf(ref))
	}
	return out
}

func refOf(ref Reference) named.Ref {
	return named.Ref{GroupKind: schema.GroupKind{Kind: ref.Kind}, Namespace: ref.Namespace, Name: ref.Name}
}
