package ownership

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

const (
	// maxSpellings is how many field sets an owner remembers in their canonical form,
	// maxCanonical the size of the largest that is remembered.
	maxSpellings = 512
	maxCanonical = 4 << 10
)

// Fingerprint returns what distinguishes states of an object as a metadata watch can
// see them. The answer to an apply and the event about it give the same. It is
// never zero: a zero live fingerprint in a ledger record says that nothing of ours
// is there to compare.
func (o *Owner) Fingerprint(obj metav1.Object) inventory.Fingerprint {
	return inventory.Fingerprint{Strong: o.strong(obj), Weak: weak(obj)}
}

// strong folds everything that changes when somebody changes what we applied.
// Which fields are ours follows from our Apply entry alone: the API server takes
// a field out of it when another writer gives the field another value, and gives
// the entry a new time when we apply again.
func (o *Owner) strong(obj metav1.Object) uint32 {
	owner := o.UnitOf(obj)
	parts := [][]byte{[]byte(obj.GetUID()), []byte(owner.Namespace), []byte(owner.Name)}
	if obj.GetDeletionTimestamp() != nil {
		parts = append(parts, []byte("deleted"))
	}
	if entry := o.entry(obj); entry != nil {
		parts = append(parts, []byte(entry.APIVersion), timeOf(entry), o.spell(entry.FieldsV1))
	}
	h := sha256.New()
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	if digest := binary.BigEndian.Uint32(h.Sum(nil)); digest != 0 {
		return digest
	}
	return 1
}

// timeOf is the time of an entry at the resolution that every encoding keeps.
func timeOf(e *metav1.ManagedFieldsEntry) []byte {
	if e.Time == nil {
		return nil
	}
	return strconv.AppendInt(nil, e.Time.Unix(), 10)
}

// spell returns a field set in one spelling, because the order of keys in its JSON
// is the writer's choice. What cannot be read stands for itself.
func (o *Owner) spell(fields *metav1.FieldsV1) []byte {
	if fields == nil {
		return nil
	}
	raw := fields.GetRawBytes()
	key := sha256.Sum256(raw)
	if known, ok := o.canonical.Get(key); ok {
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
	if len(text) <= maxCanonical {
		o.canonical.Add(key, text)
	}
	return text
}

// weak folds the generation, or the resource version of kinds that count no
// generations.
func weak(obj metav1.Object) uint16 {
	text := obj.GetResourceVersion()
	if generation := obj.GetGeneration(); generation != 0 {
		text = "generation " + strconv.FormatInt(generation, 10)
	}
	sum := sha256.Sum256([]byte(text))
	return binary.BigEndian.Uint16(sum[:])
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
