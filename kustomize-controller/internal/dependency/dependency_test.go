package dependency_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/dependency"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/inputs"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/request"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const revision = "main@sha1:2"

// unit is a Kustomization that has applied revision 1 and is Ready.
func unit(name string, dependsOn ...string) *kustomizev1.Kustomization {
	u := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: name, UID: types.UID(name), Generation: 1},
		Spec: kustomizev1.KustomizationSpec{
			Interval: "1h", SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "repo"},
		},
	}
	u.Status.LastAppliedRevision = revision
	u.Status.Conditions = []metav1.Condition{{Type: meta.ConditionReady, Status: metav1.ConditionTrue}}
	u.Status.ObservedGeneration = 1
	for _, other := range dependsOn {
		u.Spec.DependsOn = append(u.Spec.DependsOn, meta.DependencyReference{Name: other})
	}
	return u
}

// world is what Kustomizations there are.
type world struct {
	units map[string]*kustomizev1.Kustomization
	fail  error
	in    *inputs.Inputs
}

func newWorld() *world {
	return &world{
		units: map[string]*kustomizev1.Kustomization{"base": unit("base")},
		in:    &inputs.Inputs{Memory: memory.New(), Build: "v1"},
	}
}

func (w *world) unit(_ context.Context, name types.NamespacedName) (*kustomizev1.Kustomization, error) {
	if name.Namespace != "apps" {
		return nil, w.fail
	}
	return w.units[name.Name], w.fail
}

// built has memory know that a unit was built from an artifact.
func (w *world) built(t *testing.T, name, digest string, change ...func(*memory.Attempt)) {
	t.Helper()
	u := w.units[name]
	shape, err := w.in.Shape(u, "")
	if err != nil {
		t.Fatal(err)
	}
	attempt := memory.Attempt{Complete: true, Shape: shape, Artifact: digest}
	for _, c := range change {
		c(&attempt)
	}
	w.in.Memory.Put(request.Key(u), u.UID, memory.Unit{Attempt: attempt})
}

func TestCheck(t *testing.T) {
	behind := func(w *world) { w.units["base"].Status.LastAppliedRevision = "main@sha1:1" }
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
			w.units["base"].Status.Conditions[0].Status = metav1.ConditionFalse
		}, "", false, []string{"base"}, "it is not ready"},
		"Unobserved": {"its spec changed since it was Ready", func(_ *testing.T, w *world) { w.units["base"].Generation = 2 }, "", false, []string{"base"}, "has not been reconciled"},
		"Behind":     {"of the same source it has to have the same revision", func(_ *testing.T, w *world) { behind(w) }, "", false, []string{"base"}, "it has not applied revision " + revision},
		"OtherSource": {"revisions of different sources cannot be compared", func(_ *testing.T, w *world) {
			behind(w)
			w.units["base"].Spec.SourceRef.Name = "other"
		}, "", false, []string{"base"}, ""},
		"NotConcerned": {"what the artifact does not concern has as good as applied it", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.built(t, "base", "sha256:two")
		}, "", false, []string{"base"}, ""},
		"NotConcernedButBroken": {"as good as applied is not healthy", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.units["base"].Status.Conditions[0].Status = metav1.ConditionFalse
			w.built(t, "base", "sha256:two")
		}, "", false, []string{"base"}, "it is not ready"},
		"Incomplete": {"an attempt that did not get to its end has applied nothing for certain", func(t *testing.T, w *world) {
			t.Helper()
			behind(w)
			w.built(t, "base", "sha256:two", func(a *memory.Attempt) { a.Complete = false })
		}, "", false, []string{"base"}, "it has not applied revision"},
		"SecondOfTwo": {"all of them count", nil, "", false, []string{"base", "nowhere"}, "apps/nowhere"},
		"Expression": {"the expression alone decides", func(_ *testing.T, w *world) {
			behind(w)
			w.units["base"].Labels = map[string]string{"open": "yes"}
		}, "dep.metadata.labels['open'] == 'yes' && self.metadata.name == 'shop'", false, []string{"base"}, ""},
		"ExpressionFalse": {"it is not as the expression says", func(_ *testing.T, w *world) {
			w.units["base"].Labels = map[string]string{"open": "no"}
		}, "dep.metadata.labels['open'] == 'yes'", false, []string{"base"}, "apps/base"},
		"Additive":          {"with the gate the other checks count as well", func(_ *testing.T, w *world) { behind(w) }, "true", true, []string{"base"}, "it has not applied revision"},
		"ExpressionMissing": {"an expression cannot be asked about nothing", nil, "true", false, []string{"nowhere"}, "it does not exist"},
		"Cycle": {"who waits for himself is told the way", func(_ *testing.T, w *world) {
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
			for i := range u.Spec.DependsOn {
				u.Spec.DependsOn[i].ReadyExpr = tc.expr
			}
			ready, err := request.NewExpressions().ReadyExpressions(u.Spec.DependsOn)
			if err != nil {
				t.Fatal(err)
			}
			checker := &dependency.Checker{Unit: w.unit, Inputs: w.in, Additive: tc.additive}
			err = checker.Check(t.Context(), u, &meta.Artifact{Revision: revision, Digest: "sha256:two"}, ready)
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
	checker := &dependency.Checker{Unit: w.unit, Inputs: w.in}
	u := unit("shop", "base")
	ready, err := request.NewExpressions().ReadyExpressions(u.Spec.DependsOn)
	if err != nil {
		t.Fatal(err)
	}
	err = checker.Check(t.Context(), u, &meta.Artifact{Revision: revision}, ready)
	if !errors.Is(err, w.fail) || !strings.Contains(err.Error(), "reading dependency apps/base") {
		t.Errorf("got %v", err)
	}
}
