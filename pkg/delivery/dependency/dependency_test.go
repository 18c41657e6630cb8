package dependency_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/delivery/dependency"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const revision = "main@sha1:2"

// unit has applied the revision and is Ready.
func unit(name string, dependsOn ...string) *dependency.Unit {
	u := &dependency.Unit{
		Name: types.NamespacedName{Namespace: "apps", Name: name}, Generation: 1, ObservedGeneration: 1,
		Conditions: []metav1.Condition{{Type: meta.ConditionReady, Status: metav1.ConditionTrue}},
		Source:     "GitRepository/apps/repo", Revision: revision,
	}
	u.Fields = labelled(name, nil)
	for _, other := range dependsOn {
		u.DependsOn = append(u.DependsOn, types.NamespacedName{Namespace: "apps", Name: other})
	}
	return u
}

// labelled is what expressions see of a unit.
func labelled(name string, labels map[string]any) func() (map[string]any, error) {
	return func() (map[string]any, error) {
		return map[string]any{"metadata": map[string]any{"name": name, "labels": labels}}, nil
	}
}

// world is what units there are.
type world struct {
	units map[string]*dependency.Unit
	fail  error
}

func newWorld() *world { return &world{units: map[string]*dependency.Unit{"base": unit("base")}} }

func (w *world) unit(_ context.Context, name types.NamespacedName) (*dependency.Unit, error) {
	if name.Namespace != "apps" {
		return nil, w.fail
	}
	return w.units[name.Name], w.fail
}

// concerns says whether the artifact of the test changes what base has applied.
func (w *world) concerns(t *testing.T, changes bool) {
	t.Helper()
	w.units["base"].Concerns = func(_ context.Context, a *meta.Artifact) bool {
		if a.Digest != "sha256:two" {
			t.Errorf("asked about the artifact %s", a.Digest)
		}
		return changes
	}
}

func TestCheck(t *testing.T) {
	behind := func(w *world) { w.units["base"].Revision = "main@sha1:1" }
	broken := errors.New("connection refused")
	cases := map[string]struct {
		why      string
		do       func(*testing.T, *world)
		expr     string
		additive bool
		on       []string
		want     string // part of the message; empty if it may proceed
	}{
		"Independent": {"who depends on nothing asks nobody", func(_ *testing.T, w *world) { w.fail = broken }, "", false, nil, ""},
		"Ready":       {"it has applied the revision", nil, "", false, []string{"base"}, ""},
		"Missing":     {"it may come", nil, "", false, []string{"nowhere"}, "apps/nowhere: it does not exist"},
		"NotReady": {"it failed", func(_ *testing.T, w *world) {
			w.units["base"].Conditions[0].Status = metav1.ConditionFalse
		}, "", false, []string{"base"}, "it is not ready"},
		"Unobserved": {"its spec changed since it was Ready", func(_ *testing.T, w *world) { w.units["base"].Generation = 2 }, "", false, []string{"base"}, "has not been reconciled"},
		"Behind":     {"of the same source it has to have the same revision", func(_ *testing.T, w *world) { behind(w) }, "", false, []string{"base"}, "it has not applied revision " + revision},
		"OtherSource": {"revisions of different sources cannot be compared", func(_ *testing.T, w *world) {
			behind(w)
			w.units["base"].Source = "GitRepository/apps/other"
		}, "", false, []string{"base"}, ""},
		"NotConcerned": {"a unit that the artifact does not concern counts as having applied it", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.concerns(t, false)
		}, "", false, []string{"base"}, ""},
		"NotConcernedButBroken": {"counting as applied does not mean healthy", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.units["base"].Conditions[0].Status = metav1.ConditionFalse
			w.concerns(t, false)
		}, "", false, []string{"base"}, "it is not ready"},
		"Concerned": {"the artifact may change what it has applied", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.concerns(t, true)
		}, "", false, []string{"base"}, "it has not applied revision"},
		"SecondOfTwo": {"all of them count", nil, "", false, []string{"base", "nowhere"}, "apps/nowhere"},
		"Expression": {"the expression alone decides", func(_ *testing.T, w *world) {
			behind(w)
			w.units["base"].Fields = labelled("base", map[string]any{"open": "yes"})
		}, "dep.metadata.labels['open'] == 'yes' && self.metadata.name == 'shop'", false, []string{"base"}, ""},
		"ExpressionFalse": {"it is not as the expression says", func(_ *testing.T, w *world) {
			w.units["base"].Fields = labelled("base", map[string]any{"open": "no"})
		}, "dep.metadata.labels['open'] == 'yes'", false, []string{"base"}, "apps/base"},
		"Additive":          {"with the gate the other checks count as well", func(_ *testing.T, w *world) { behind(w) }, "true", true, []string{"base"}, "it has not applied revision"},
		"ExpressionMissing": {"an expression cannot be asked about nothing", nil, "true", false, []string{"nowhere"}, "it does not exist"},
		"Cycle": {"a unit that waits for itself gets the cycle by name", func(_ *testing.T, w *world) {
			w.units["base"] = unit("base", "middle")
			w.units["middle"] = unit("middle", "shop")
			w.units["shop"] = unit("shop", "base")
		}, "", false, []string{"base"}, "apps/shop → apps/base → apps/middle → apps/shop"},
		"CycleBeyond": {"a cycle that it is not part of is others' business", func(_ *testing.T, w *world) {
			w.units["base"] = unit("base", "middle")
			w.units["middle"] = unit("middle", "base")
		}, "", false, []string{"base"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			if tc.do != nil {
				tc.do(t, w)
			}
			u := unit("shop", tc.on...)
			ready := compiled(t, tc.expr, len(tc.on))
			checker := &dependency.Checker{Unit: w.unit, Additive: tc.additive}
			err := checker.Check(t.Context(), u, &meta.Artifact{Revision: revision, Digest: "sha256:two"}, ready)
			if tc.want == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if f := fault.Of(err); err == nil || f.Class != fault.ClassWait || f.Reason != meta.ReasonDependencyNotReady || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want a wait that says %q", tc.why, err, tc.want)
			}
		})
	}
}

func TestDependencyThatCannotBeRead(t *testing.T) {
	w := newWorld()
	w.fail = errors.New("connection refused")
	checker := &dependency.Checker{Unit: w.unit}
	u := unit("shop", "base")
	err := checker.Check(t.Context(), u, &meta.Artifact{Revision: revision}, compiled(t, "", 1))
	if !errors.Is(err, w.fail) || !strings.Contains(err.Error(), "reading dependency apps/base") {
		t.Errorf("got %v", err)
	}
}

// compiled is the same expression for each of some dependencies.
func compiled(t *testing.T, text string, dependencies int) []*depends.ReadyExpr {
	t.Helper()
	ready, err := depends.NewCompiler(10).Compile(slices.Repeat([]string{text}, dependencies))
	if err != nil {
		t.Fatal(err)
	}
	return ready
}
