package ledger

import (
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/delivery/correction"
	"github.com/capstan-gitops/capstan/pkg/inventory"
)

// AppliedWithout begins what is said about fields that were left out.
const AppliedWithout = "Applied without fields that the API server does not know, or sets itself: "

// Dropped says of each object of an inventory which fields were left out of it.
func Dropped(inv inventory.Inventory) (lines []string) {
	for _, e := range inv.Entries() {
		if len(e.Dropped) > 0 {
			lines = append(lines, without(e.ID, e.Dropped))
		}
	}
	return lines
}

// NewlyDropped says it of each result for which that is new.
func NewlyDropped(old inventory.Inventory, results []apply.Result) (lines []string) {
	for _, r := range results {
		known, _ := old.Lookup(r.ID)
		if len(r.Dropped) > 0 && !correction.IsLeft(r) && !slices.Equal(r.Dropped, known.Dropped) {
			lines = append(lines, without(r.ID, r.Dropped))
		}
	}
	slices.Sort(lines)
	return lines
}

func without(id inventory.ID, fields []string) string {
	return id.Subject() + " " + strings.Join(fields, ", ")
}
