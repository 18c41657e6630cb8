package depends_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// compile compiles one expression.
func compile(t *testing.T, text string) *depends.ReadyExpr {
	t.Helper()
	compiled, err := depends.NewCompiler(8).Compile([]string{text})
	if err != nil {
		t.Fatal(err)
	}
	return compiled[0]
}

// version is an object with a label that says which version it is, and a status.
func version(v string) map[string]any {
	return map[string]any{
		"metadata": map[string]any{"labels": map[string]any{"version": v}},
		"status":   map[string]any{"replicas": int64(2), "secret": "hunter2"},
	}
}

func TestReadyExpr(t *testing.T) {
	const same = "self.metadata.labels.version == dep.metadata.labels.version"
	cases := map[string]struct {
		why, text, dep string
		change         func(*depends.Dependency)
		additive       bool
		message        string
	}{
		"Holds":         {why: "self and dep are the whole objects", text: same, dep: "2"},
		"HoldsNot":      {why: "the expression decides", text: same, dep: "1", message: "its readyExpr does not hold"},
		"InsteadOf":     {why: "it replaces the built-in questions", text: same, dep: "2", change: ready(metav1.ConditionFalse)},
		"InsteadOfRev":  {why: "all of them", text: same, dep: "2", change: sameSource("main@sha1:old")},
		"Additive":      {why: "unless they are asked as well", text: same, dep: "2", change: ready(metav1.ConditionFalse), additive: true, message: "it is not ready"},
		"AdditiveRev":   {why: "all of them", text: same, dep: "2", change: sameSource("main@sha1:old"), additive: true, message: "it has not applied revision main@sha1:new"},
		"AdditiveFirst": {why: "the expression is asked first", text: same, dep: "1", change: ready(metav1.ConditionFalse), additive: true, message: "its readyExpr does not hold"},
		"AdditiveBoth":  {why: "both say yes", text: same, dep: "2", additive: true},
		"Missing":       {why: "nothing can be asked about what is not there", text: "true", dep: "2", change: func(d *depends.Dependency) { d.Missing, d.Object = true, nil }, message: "it does not exist"},
		"NoSuchField":   {why: "the status may come", text: "dep.status.phase == 'done'", dep: "2", message: "its readyExpr cannot be evaluated: no such key: phase"},
		"Secret":        {why: "values are not quoted", text: "int(dep.status.secret) == 1", dep: "2", message: "its readyExpr cannot be evaluated: a value in it is not of the form that a function needs"},
		"Expensive":     {why: "the cost is bounded", text: "[[1]]" + strings.Repeat(".map(x, [x, x])", 40) + ".all(x, x == x)", dep: "2", message: "its readyExpr cannot be evaluated: it costs more than an expression may"},
	}
	for n, tc := range cases {
		t.Run(n, func(t *testing.T) {
			d := dependency("a", func(d *depends.Dependency) { d.Ready, d.Object = compile(t, tc.text), version(tc.dep) })
			if tc.change != nil {
				tc.change(&d)
			}
			err := depends.Check([]depends.Dependency{d}, depends.Want{
				Source: "mine", Revision: "main@sha1:new", Self: version("2"), Additive: tc.additive,
			})
			if tc.message == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if err == nil || err.Error() != "waiting for dependency apps/a: "+tc.message {
				t.Fatalf("%s: got %v", tc.why, err)
			}
			if f := fault.Of(err); f.Class != fault.ClassWait || f.Reason != meta.ReasonDependencyNotReady {
				t.Errorf("%s: got class %s and reason %s", tc.why, f.Class, f.Reason)
			}
		})
	}
}

func TestReadyExprThatCannotBeCompiled(t *testing.T) {
	for n, tc := range map[string]struct{ why, text, message string }{
		"Syntax":   {"it is not CEL", "self.", "reading spec.dependsOn[1].readyExpr: line 1, column 6: "},
		"Variable": {"a top-level field of neither", "status.ready", "reading spec.dependsOn[1].readyExpr: line 1, column 1: undeclared reference to 'status'"},
		"Text":     {"it has to answer yes or no", "'yes'", "reading spec.dependsOn[1].readyExpr: the result is of type string, not bool"},
	} {
		t.Run(n, func(t *testing.T) {
			_, err := depends.NewCompiler(8).Compile([]string{"", tc.text})
			if err == nil || !strings.HasPrefix(err.Error(), tc.message) {
				t.Fatalf("%s: got %v", tc.why, err)
			}
			if f := fault.Of(err); f.Class != fault.ClassStalled || f.Reason != meta.ReasonInvalidCELExpression {
				t.Errorf("%s: got class %s and reason %s", tc.why, f.Class, f.Reason)
			}
		})
	}
}

func TestCompilePlaces(t *testing.T) {
	compiled, err := depends.NewCompiler(8).Compile([]string{"", "true", ""})
	if err != nil {
		t.Fatal(err)
	}
	if len(compiled) != 3 || compiled[0] != nil || compiled[1] == nil || compiled[2] != nil {
		t.Errorf("got %v", compiled)
	}
}

// TestFields asks about a typed object, as the controller has it.
func TestFields(t *testing.T) {
	unit := &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Name: "db", Labels: map[string]string{"version": "2"}, Generation: 4},
		Status:     kustomizev1.KustomizationStatus{LastAppliedRevision: "main@sha1:abc"},
	}
	unit.Status.ObservedGeneration = 4
	fields, err := depends.Fields(unit, kustomizev1.GroupVersion.WithKind(kustomizev1.KustomizationKind))
	if err != nil {
		t.Fatal(err)
	}
	d := dependency("db", func(d *depends.Dependency) {
		d.Object = fields
		d.Ready = compile(t, "dep.apiVersion.startsWith('kustomize.toolkit.fluxcd.io/') && dep.kind == 'Kustomization' && "+
			"dep.metadata.generation == dep.status.observedGeneration && dep.status.lastAppliedRevision.endsWith('abc')")
	})
	if err := depends.Check([]depends.Dependency{d}, depends.Want{}); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff("", unit.Kind); diff != "" {
		t.Errorf("the object was changed: %s", diff)
	}
}

// TestWhatAnObjectMayDependOn guards against waiting for ever: a dependency on itself is a cycle that is
// named, and one on an object that was deleted waits without being a failure.
func TestWhatAnObjectMayDependOn(t *testing.T) {
	self := depends.Cycle(name("a"), graph{"a": {"a"}}.edges)
	err := depends.CycleError(self)
	if want := "checking dependencies: they form a cycle: apps/a → apps/a"; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("got %v", err)
	}
	if f := fault.Of(err); f.Class != fault.ClassWait {
		t.Errorf("a cycle is %s: it would be looked at again and again", f.Class)
	}
	deleted := []depends.Dependency{dependency("a"), {Name: name("gone"), Missing: true, Ready: compile(t, "true")}}
	err = depends.Check(deleted, depends.Want{Additive: true})
	if f := fault.Of(err); err == nil || f.Class != fault.ClassWait || f.Reason != meta.ReasonDependencyNotReady {
		t.Errorf("got %v", err)
	}
}
