package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// Hold is a deletion that waits for consent.
type Hold struct {
	// Digest names the set of objects; consent carries it.
	Digest string
	// Subjects names the objects, sorted.
	Subjects []string
}

// hold decides whether a deletion needs consent: when nothing at all is desired
// any more, the source was more likely emptied by mistake than on purpose.
func hold(desired int, stale []inventory.Entry, consent string) *Hold {
	if desired > 0 || len(stale) == 0 {
		return nil
	}
	h := &Hold{}
	ids := make([]string, 0, len(stale)) // subjects do not tell groups apart
	for _, e := range stale {
		h.Subjects = append(h.Subjects, e.Subject())
		ids = append(ids, e.ID.String())
	}
	slices.Sort(h.Subjects)
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "\n")))
	h.Digest = "sha256:" + hex.EncodeToString(sum[:])
	if h.Digest == consent {
		return nil
	}
	return h
}
