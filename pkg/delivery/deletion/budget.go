package deletion

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation"
)

// percentFrom is the size of an inventory from which on a share of it is a bound.
// A third of three objects is one: below this size every deletion would be held.
const percentFrom = 10

// The terms of a budget.
const (
	termCount   = "count"
	termPercent = "percent"
	termProtect = "protect"
	termUsage   = "use count=N, percent=N or protect=Kind[.group]"
)

// Budget bounds what one pass may delete without consent. The zero Budget bounds
// nothing: only an emptied build is held then.
type Budget struct {
	// Count is the most objects that one pass may delete; nil bounds nothing, 0
	// holds every deletion.
	Count *int
	// Percent is the largest share of the inventory before the pass that it may
	// delete; nil bounds nothing. An inventory of less than ten objects is not
	// bounded by it.
	Percent *int
	// Protected are the kinds of which nothing is deleted without consent. An empty
	// group stands for every group: a protection that misses its kind by a group
	// would be none.
	Protected []schema.GroupKind
}

// ParseBudget reads a budget from terms: count=N, percent=N or protect=Kind[.group],
// separated by commas or given as several texts. Only protect may be repeated. No
// term at all is the zero Budget.
func ParseBudget(texts ...string) (Budget, error) {
	var b Budget
	for _, text := range texts {
		for term := range strings.SplitSeq(text, ",") {
			if term = strings.TrimSpace(term); term == "" {
				continue
			}
			if err := b.add(term); err != nil {
				return Budget{}, fmt.Errorf("reading %q: %w", term, err)
			}
		}
	}
	return b, nil
}

func (b *Budget) add(term string) error {
	name, value, _ := strings.Cut(term, "=")
	switch name {
	case termCount:
		return setBound(&b.Count, value, "a number of objects, 0 or more", -1)
	case termPercent:
		return setBound(&b.Percent, strings.TrimSuffix(value, "%"), "a percentage from 0 to 100", 100)
	case termProtect:
		kind, err := parseKind(value)
		b.Protected = append(b.Protected, kind)
		return err
	default:
		return fmt.Errorf("%q is not part of a budget; %s", name, termUsage)
	}
}

// setBound reads a number into a bound that is not set yet; a negative most
// stands for none.
func setBound(bound **int, value, want string, most int) error {
	if *bound != nil {
		return errors.New("it is given twice")
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < 0 || most >= 0 && n > most {
		return fmt.Errorf("%q is not %s", value, want)
	}
	*bound = &n
	return nil
}

var kindForm = regexp.MustCompile(`^[A-Z][A-Za-z0-9]*$`)

func parseKind(text string) (schema.GroupKind, error) {
	gk := schema.ParseGroupKind(text)
	if !kindForm.MatchString(gk.Kind) {
		return gk, fmt.Errorf("%q is not a kind; write it as manifests do, like Namespace or CustomResourceDefinition.apiextensions.k8s.io", text)
	}
	if problems := validation.IsDNS1123Subdomain(gk.Group); gk.Group != "" && len(problems) > 0 {
		return gk, fmt.Errorf("%q is not the group of an API; leave it out to protect the kind in every group", gk.Group)
	}
	return gk, nil
}

// String returns the budget as ParseBudget reads it.
func (b Budget) String() string {
	var terms []string
	if b.Count != nil {
		terms = append(terms, fmt.Sprintf("%s=%d", termCount, *b.Count))
	}
	if b.Percent != nil {
		terms = append(terms, fmt.Sprintf("%s=%d", termPercent, *b.Percent))
	}
	for _, gk := range b.Protected {
		terms = append(terms, termProtect+"="+gk.String())
	}
	return strings.Join(terms, ",")
}

// protects reports whether a kind is protected.
func (b Budget) protects(kind schema.GroupKind) bool {
	for _, gk := range b.Protected {
		if gk.Kind == kind.Kind && (gk.Group == "" || gk.Group == kind.Group) {
			return true
		}
	}
	return false
}

// exceeded returns the bounds that deleting n of an inventory exceeds, as text.
func (b Budget) exceeded(n, inventory int) []string {
	var bounds []string
	if b.Count != nil && n > *b.Count {
		bounds = append(bounds, strconv.Itoa(*b.Count))
	}
	if b.Percent != nil && inventory >= percentFrom && n*100 > *b.Percent*inventory {
		bounds = append(bounds, strconv.Itoa(*b.Percent)+"%")
	}
	return bounds
}
