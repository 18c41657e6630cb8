package snapshot

import (
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// unitKey names a unit as its snapshots do.
type unitKey struct{ namespace, label string }

// part is what is remembered of one Secret.
type part struct {
	uid     types.UID
	unit    unitKey
	id      string
	expires time.Time
}

// register remembers the Secrets that this process wrote or found, so that the
// server is asked only when one has expired.
type register struct {
	mu     sync.Mutex
	parts  map[types.NamespacedName]part
	listed bool
}

func newRegister() *register { return &register{parts: map[types.NamespacedName]part{}} }

func keyOf(obj metav1.Object) types.NamespacedName {
	return types.NamespacedName{Namespace: obj.GetNamespace(), Name: obj.GetName()}
}

// partOf reads the metadata of a Secret. One whose end cannot be read has come to
// it when it is as old as snapshots get.
func partOf(obj metav1.Object, keep time.Duration) part {
	labels := obj.GetLabels()
	expires, err := time.Parse(time.RFC3339, obj.GetAnnotations()[AnnotationExpires])
	if err != nil {
		expires = obj.GetCreationTimestamp().Add(keep)
	}
	return part{
		uid: obj.GetUID(), unit: unitKey{obj.GetNamespace(), labels[LabelPruned]}, id: labels[LabelSnapshot], expires: expires,
	}
}

func (r *register) add(obj metav1.Object) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.parts[keyOf(obj)] = partOf(obj, 0)
}

func (r *register) forget(key types.NamespacedName) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.parts, key)
}

func (r *register) expires(key types.NamespacedName) (time.Time, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	p, ok := r.parts[key]
	return p.expires, ok
}

// keys returns what is remembered now; a list that is asked for afterwards speaks
// for all of it.
func (r *register) keys() []types.NamespacedName {
	r.mu.Lock()
	defer r.mu.Unlock()
	keys := make([]types.NamespacedName, 0, len(r.parts))
	for key := range r.parts {
		keys = append(keys, key)
	}
	return keys
}

// replace takes over what a list found. Of what was remembered before it, that
// which it lacks is gone; what was added since stays.
func (r *register) replace(before []types.NamespacedName, found map[types.NamespacedName]part) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range before {
		delete(r.parts, key)
	}
	for key, p := range found {
		r.parts[key] = p
	}
	r.listed = true
}

// due reports that the server is to be asked: it never was, or a snapshot has come
// to its end.
func (r *register) due(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.listed {
		return true
	}
	for _, p := range r.parts {
		if !now.Before(p.expires) {
			return true
		}
	}
	return false
}

// units returns the units that have snapshots.
func (r *register) units() []unitKey {
	r.mu.Lock()
	defer r.mu.Unlock()
	var units []unitKey
	seen := map[unitKey]bool{}
	for _, p := range r.parts {
		if !seen[p.unit] {
			seen[p.unit] = true
			units = append(units, p.unit)
		}
	}
	return units
}

// expired returns the Secrets that have expired.
func (r *register) expired(now time.Time) []*corev1.Secret {
	return r.secrets(func(p part) bool { return !now.Before(p.expires) })
}

// surplus returns the Secrets of a unit's oldest snapshots, more than most; never
// those of the newest.
func (r *register) surplus(unit unitKey, most int, newest string) []*corev1.Secret {
	ends := r.ends(unit)
	if len(ends) <= most {
		return nil
	}
	ids := make([]string, 0, len(ends))
	for id := range ends {
		if id != newest {
			ids = append(ids, id)
		}
	}
	slices.SortFunc(ids, func(a, b string) int {
		if c := ends[a].Compare(ends[b]); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	old := ids[:len(ends)-most]
	return r.secrets(func(p part) bool { return p.unit == unit && slices.Contains(old, p.id) })
}

// ends returns when each snapshot of a unit ends.
func (r *register) ends(unit unitKey) map[string]time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	ends := map[string]time.Time{}
	for _, p := range r.parts {
		if p.unit == unit && ends[p.id].Before(p.expires) {
			ends[p.id] = p.expires
		}
	}
	return ends
}

func (r *register) secrets(of func(part) bool) []*corev1.Secret {
	r.mu.Lock()
	defer r.mu.Unlock()
	var out []*corev1.Secret
	for key, p := range r.parts {
		if of(p) {
			out = append(out, &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: p.uid}})
		}
	}
	return out
}
