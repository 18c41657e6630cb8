package depends_test

import (
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/depends"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

func name(n string) types.NamespacedName { return types.NamespacedName{Namespace: "apps", Name: n} }

// dependency is one that is ready, of another source.
func dependency(n string, change ...func(*depends.Dependency)) depends.Dependency {
	d := depends.Dependency{
		Name: name(n), Generation: 3, ObservedGeneration: 3, Source: "other", Revision: "main@sha1:old",
		Conditions: []metav1.Condition{{Type: meta.ConditionReady, Status: metav1.ConditionTrue}},
	}
	for _, c := range change {
		c(&d)
	}
	return d
}

func ready(s metav1.ConditionStatus) func(*depends.Dependency) {
	return func(d *depends.Dependency) { d.Conditions[0].Status = s }
}

func sameSource(revision string) func(*depends.Dependency) {
	return func(d *depends.Dependency) { d.Source, d.Revision = "mine", revision }
}

func TestCheck(t *testing.T) {
	want := depends.Want{Source: "mine", Revision: "main@sha1:new"}
	cases := map[string]struct {
		why          string
		dependencies []depends.Dependency
		message      string
	}{
		"None":    {"who depends on nothing may proceed", nil, ""},
		"Ready":   {"a ready dependency of another source may have any revision", []depends.Dependency{dependency("a")}, ""},
		"SameRev": {"a dependency of our source has applied our revision", []depends.Dependency{dependency("a", sameSource("main@sha1:new"))}, ""},
		"Missing": {
			"an object that does not exist yet may come",
			[]depends.Dependency{{Name: name("a"), Missing: true}},
			"waiting for dependency apps/a: it does not exist",
		},
		"ChangeNotSeen": {
			"Ready belongs to an older spec",
			[]depends.Dependency{dependency("a", func(d *depends.Dependency) { d.ObservedGeneration = 2 })},
			"waiting for dependency apps/a: its last change has not been reconciled",
		},
		"NeverReconciled": {
			"a new object has neither generation nor condition",
			[]depends.Dependency{dependency("a", func(d *depends.Dependency) { d.ObservedGeneration, d.Conditions = -1, nil })},
			"waiting for dependency apps/a: it is not ready",
		},
		"Suspended": {
			"nobody looks for what is wrong with one that was stopped on purpose",
			[]depends.Dependency{dependency("a", ready(metav1.ConditionFalse), func(d *depends.Dependency) { d.Suspended = true })},
			"waiting for dependency apps/a: it is suspended (spec.suspend): it is not ready",
		},
		"SuspendedButReady": {
			"what it applied is there",
			[]depends.Dependency{dependency("a", func(d *depends.Dependency) { d.Suspended = true })}, "",
		},
		"NotReady": {
			"it failed",
			[]depends.Dependency{dependency("a", ready(metav1.ConditionFalse))},
			"waiting for dependency apps/a: it is not ready",
		},
		"Unknown": {
			"it is being worked on",
			[]depends.Dependency{dependency("a", ready(metav1.ConditionUnknown))},
			"waiting for dependency apps/a: it is not ready",
		},
		"WithoutReady": {
			"no condition is not readiness",
			[]depends.Dependency{dependency("a", func(d *depends.Dependency) { d.Conditions = nil })},
			"waiting for dependency apps/a: it is not ready",
		},
		"OldRevision": {
			"applying before a dependency of the same source has would break the order of one commit",
			[]depends.Dependency{dependency("a", sameSource("main@sha1:old"))},
			"waiting for dependency apps/a: it has not applied revision main@sha1:new",
		},
		"FirstUnmet": {
			"the first one in the order of the spec is named",
			[]depends.Dependency{dependency("a"), dependency("b", ready(metav1.ConditionFalse)), {Name: name("c"), Missing: true}},
			"waiting for dependency apps/b: it is not ready",
		},
	}
	for n, tc := range cases {
		t.Run(n, func(t *testing.T) {
			err := depends.Check(tc.dependencies, want)
			if tc.message == "" {
				if err != nil {
					t.Errorf("%s: %v", tc.why, err)
				}
				return
			}
			if err == nil || err.Error() != tc.message {
				t.Fatalf("%s: got %v", tc.why, err)
			}
			if f := fault.Of(err); f.Class != fault.ClassWait || f.Reason != meta.ReasonDependencyNotReady {
				t.Errorf("%s: got class %s and reason %s", tc.why, f.Class, f.Reason)
			}
		})
	}
}

type graph map[string][]string

func (g graph) edges(of types.NamespacedName) []types.NamespacedName {
	var out []types.NamespacedName
	for _, n := range g[of.Name] {
		out = append(out, name(n))
	}
	return out
}

func TestCycle(t *testing.T) {
	cases := map[string]struct {
		why   string
		graph graph
		want  string
	}{
		"Alone":           {"nothing depends on anything", graph{}, ""},
		"Chain":           {"a chain ends", graph{"a": {"b"}, "b": {"c"}}, ""},
		"Diamond":         {"two ways to one place are no cycle", graph{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}}, ""},
		"Self":            {"it waits for itself", graph{"a": {"a"}}, "a a"},
		"Pair":            {"each waits for the other", graph{"a": {"b"}, "b": {"a"}}, "a b a"},
		"Long":            {"the way round is named", graph{"a": {"b"}, "b": {"c"}, "c": {"d"}, "d": {"a"}}, "a b c d a"},
		"BehindADeadEnd":  {"a way that leads nowhere is not named", graph{"a": {"x", "b"}, "x": {"y"}, "b": {"a"}}, "a b a"},
		"CycleOfOthers":   {"a waits for a cycle, but is not on it: those on it say so", graph{"a": {"b"}, "b": {"c"}, "c": {"b"}}, ""},
		"CycleOfBothKind": {"the one through a is found beside another", graph{"a": {"b"}, "b": {"c"}, "c": {"b", "a"}}, "a b c a"},
		"SharedEnd":       {"a node that was seen once still closes no second way", graph{"a": {"b", "c"}, "b": {"d"}, "c": {"d"}, "d": {"a"}}, "a b d a"},
	}
	for n, tc := range cases {
		t.Run(n, func(t *testing.T) {
			var got []string
			for _, at := range depends.Cycle(name("a"), tc.graph.edges) {
				got = append(got, at.Name)
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestCycleInALongChain guards against exhausted memory: a namespace full of
// objects, each depending on the next, must not cost memory by the square.
func TestCycleInALongChain(t *testing.T) {
	const links = 10_000
	edges := func(of types.NamespacedName) []types.NamespacedName {
		at, err := strconv.Atoi(of.Name)
		if err != nil {
			t.Fatal(err)
		}
		return []types.NamespacedName{name(strconv.Itoa((at + 1) % links))}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cycle := depends.Cycle(name("0"), edges)
	runtime.ReadMemStats(&after)
	if len(cycle) != links+1 || cycle[0] != cycle[links] || cycle[1].Name != "1" {
		t.Errorf("the cycle has %d names", len(cycle))
	}
	if used := after.TotalAlloc - before.TotalAlloc; used > 64<<20 {
		t.Errorf("following %d links took %d MiB", links, used>>20)
	}
}

func TestCycleError(t *testing.T) {
	err := depends.CycleError([]types.NamespacedName{name("a"), name("b"), name("a")})
	if f := fault.Of(err); f.Class != fault.ClassWait || f.Reason != meta.ReasonDependencyNotReady || f.Hint == "" {
		t.Errorf("got class %s, reason %s and hint %q", f.Class, f.Reason, f.Hint)
	}
	if !strings.Contains(err.Error(), "apps/a → apps/b → apps/a") {
		t.Errorf("the way round is not named: %v", err)
	}
}
