package health

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/health/expr"
)

// Rule is what a user wrote about the health of a kind: CEL expressions over
// the top-level fields of the object.
type Rule struct {
	// APIVersion and Kind select the objects; an empty Kind selects all kinds of
	// the group.
	APIVersion, Kind string
	// InProgress, Failed and Current are asked in this order; the first that
	// holds is the assessment. Current must be given.
	InProgress, Failed, Current string
}

// Rules are compiled Rule values, and the kinds that nothing reconciles. The zero
// value has none and judges every object as Of does.
type Rules struct {
	byKind map[schema.GroupKind][]check
	static []schema.GroupKind
}

// check is one expression and the state of an object for which it holds.
type check struct {
	holds  *expr.Program
	status Status
}

// Compiler prepares rules and remembers the expressions in them, so that those
// who ask again with the same texts pay nothing. It is safe for concurrent use.
type Compiler struct {
	cache  *expr.Cache
	static []schema.GroupKind
}

// NewCompiler returns a Compiler that remembers at most so many expressions. Objects
// of static kinds are configuration that nothing reconciles, whatever their status
// says; a rule that a user wrote about such a kind counts nevertheless.
func NewCompiler(expressions int, static ...schema.GroupKind) *Compiler {
	return &Compiler{cache: expr.NewCache(expressions), static: static}
}

// Compile prepares rules for use.
func (c *Compiler) Compile(rules []Rule) (Rules, error) {
	compiled := Rules{byKind: make(map[schema.GroupKind][]check, len(rules)), static: c.static}
	for _, rule := range rules {
		gv, err := schema.ParseGroupVersion(rule.APIVersion)
		if err != nil {
			return Rules{}, fmt.Errorf("reading health check expression of %s: %w", rule.Kind, err)
		}
		gk := gv.WithKind(rule.Kind).GroupKind()
		if _, ok := compiled.byKind[gk]; ok {
			return Rules{}, fmt.Errorf("reading health check expressions: %s has more than one", subject(gk))
		}
		if compiled.byKind[gk], err = c.checksOf(rule); err != nil {
			return Rules{}, fmt.Errorf("reading health check expressions of %s: %w", subject(gk), err)
		}
	}
	return compiled, nil
}

// checksOf compiles the expressions of a rule in the order in which they are
// asked.
func (c *Compiler) checksOf(rule Rule) ([]check, error) {
	if rule.Current == "" {
		return nil, fmt.Errorf("current is not given")
	}
	var checks []check
	for _, e := range []struct {
		name, text string
		status     Status
	}{
		{"inProgress", rule.InProgress, InProgress},
		{"failed", rule.Failed, Failed},
		{"current", rule.Current, Current},
	} {
		if e.text == "" {
			continue
		}
		expression, err := c.cache.Parse(e.text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", e.name, err)
		}
		checks = append(checks, check{holds: expression, status: e.status})
	}
	return checks, nil
}

func subject(gk schema.GroupKind) string {
	if gk.Kind == "" {
		return "group " + gk.Group
	}
	return gk.String()
}

// Of judges an object by the rule of its kind, else by that of its group, else
// as the package's Of does.
func (r Rules) Of(ctx context.Context, obj *unstructured.Unstructured) Assessment {
	checks, ok := r.checksFor(obj)
	switch {
	case ok && obj.GetDeletionTimestamp() == nil:
		return judge(ctx, checks, obj)
	case obj != nil && obj.GetDeletionTimestamp() == nil && slices.Contains(r.static, obj.GroupVersionKind().GroupKind()):
		return static()
	}
	return Of(obj)
}

// judge asks expressions about an object.
func judge(ctx context.Context, checks []check, obj *unstructured.Unstructured) Assessment {
	if behind(obj) {
		return Assessment{Status: InProgress, Message: "The controller has not observed the latest generation"}
	}
	for _, c := range checks {
		holds, err := c.holds.Holds(ctx, obj.Object)
		if err != nil {
			return Assessment{Status: Unknown, Message: "The health check expression cannot be evaluated: " + err.Error()}
		}
		if holds {
			return Assessment{Status: c.status, Message: "By the health check expression"}
		}
	}
	return Assessment{Status: InProgress, Message: "No health check expression holds"}
}

func (r Rules) checksFor(obj *unstructured.Unstructured) ([]check, bool) {
	if obj == nil || len(r.byKind) == 0 {
		return nil, false
	}
	gk := obj.GroupVersionKind().GroupKind()
	checks, ok := r.byKind[gk]
	if !ok {
		checks, ok = r.byKind[schema.GroupKind{Group: gk.Group}]
	}
	return checks, ok
}

// behind reports that the object's controller has not seen its latest
// generation. An observedGeneration that is not a number says nothing.
func behind(obj *unstructured.Unstructured) bool {
	observed, ok, err := unstructured.NestedInt64(obj.Object, "status", "observedGeneration")
	return err == nil && ok && observed != obj.GetGeneration()
}
