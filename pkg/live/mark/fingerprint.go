package mark

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/lru"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Unit names the object that owns others.
type Unit = types.NamespacedName

// The labels that name the owner of an applied object.
const (
	DefaultOwnerNameKey      = "kustomize.toolkit.fluxcd.io/name"
	DefaultOwnerNamespaceKey = "kustomize.toolkit.fluxcd.io/namespace"
)

// DefaultFieldManager is the manager that applied fields belong to.
const DefaultFieldManager = "kustomize-controller"

// Marker computes the fingerprint of an object as a metadata watch can see it.
// The answer to an apply and the event about it give the same fingerprint.
type Marker struct {
	// FieldManager is the name we apply under.
	FieldManager string
	// OwnerNameKey and OwnerNamespaceKey are the labels that name the owner.
	OwnerNameKey, OwnerNamespaceKey string
}

// WithDefaults returns the marker with empty fields filled in.
func (m Marker) WithDefaults() Marker {
	setDefault(&m.FieldManager, DefaultFieldManager)
	setDefault(&m.OwnerNameKey, DefaultOwnerNameKey)
	setDefault(&m.OwnerNamespaceKey, DefaultOwnerNamespaceKey)
	return m
}

// Of returns the fingerprint of an object. It is never zero: a zero live
// fingerprint in a ledger record says that nothing of ours is there to compare.
func (m Marker) Of(obj metav1.Object) inventory.Fingerprint {
	return inventory.Fingerprint{Hard: m.hard(obj), Soft: soft(obj)}
}

// Owner returns the unit that the owner labels name.
func (m Marker) Owner(obj metav1.Object) Unit {
	labels := obj.GetLabels()
	return Unit{Namespace: labels[m.OwnerNamespaceKey], Name: labels[m.OwnerNameKey]}
}

// hard folds everything that changes when somebody changes what we applied.
// Which fields are ours follows from our Apply entry alone: the API server takes
// a field out of it when another writer gives the field another value, and gives
// the entry a new time when we apply again.
func (m Marker) hard(obj metav1.Object) uint32 {
	owner := m.Owner(obj)
	parts := [][]byte{[]byte(obj.GetUID()), []byte(owner.Namespace), []byte(owner.Name)}
	if obj.GetDeletionTimestamp() != nil {
		parts = append(parts, []byte("deleted"))
	}
	if entry := m.entry(obj); entry != nil {
		parts = append(parts, []byte(entry.APIVersion), timeOf(entry), canonical(entry.FieldsV1))
	}
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	if mark := binary.BigEndian.Uint32(h.Sum(nil)); mark != 0 {
		return mark
	}
	return 1
}

// Applied reports that our Apply entry is on an object.
func (m Marker) Applied(obj metav1.Object) bool { return m.entry(obj) != nil }

// entry returns our Apply entry, or nil.
func (m Marker) entry(obj metav1.Object) *metav1.ManagedFieldsEntry {
	entries := obj.GetManagedFields()
	for i := range entries {
		if e := &entries[i]; m.Owns(e) {
			return e
		}
	}
	return nil
}

// Owns reports that an entry is what we applied.
func (m Marker) Owns(e *metav1.ManagedFieldsEntry) bool {
	return e.Manager == m.FieldManager && e.Operation == metav1.ManagedFieldsOperationApply && e.Subresource == ""
}

// timeOf is the time of an entry at the resolution that every encoding keeps.
func timeOf(e *metav1.ManagedFieldsEntry) []byte {
	if e.Time == nil {
		return nil
	}
	return strconv.AppendInt(nil, e.Time.Unix(), 10)
}

// spellings are the canonical forms of field sets, by digest, of up to maxSpelling
// bytes each. Objects of one kind have much the same fields, and most changes leave
// them as they are.
var spellings = lru.New(512)

const maxSpelling = 4 << 10

// canonical returns a field set in one spelling, because the order of keys in
// its JSON is the writer's choice. What cannot be read stands for itself.
func canonical(fields *metav1.FieldsV1) []byte {
	if fields == nil {
		return nil
	}
	raw := fields.GetRawBytes()
	key := sha256.Sum256(raw)
	if known, ok := spellings.Get(key); ok {
		return known.([]byte) //nolint:forcetypeassert // Nothing else is in it.
	}
	set := &fieldpath.Set{}
	if err := set.FromJSON(bytes.NewReader(raw)); err != nil {
		return raw
	}
	text, err := set.ToJSON()
	if err != nil {
		return raw
	}
	if len(text) <= maxSpelling {
		spellings.Add(key, text)
	}
	return text
}

// soft folds the generation, or the resource version of kinds that count no
// generations.
func soft(obj metav1.Object) uint16 {
	text := obj.GetResourceVersion()
	if generation := obj.GetGeneration(); generation != 0 {
		text = "generation " + strconv.FormatInt(generation, 10)
	}
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint16(sum[:])
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Order reads a resource version as the number it is on every server that
// promises an order.
func Order(rv string) uint64 {
	n, err := strconv.ParseUint(rv, 10, 64)
	if err != nil {
		return 0
	}
	return n
}
