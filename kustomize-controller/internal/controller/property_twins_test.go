package controller

import (
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	. "github.com/onsi/gomega"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

var (
	twinSteps = flag.Int("twins.steps", 60, "how many steps TestTheFastWayDoesWhatTheSlowWayDoes takes")
	twinSeed  = flag.Uint64("twins.seed", 11, "the seed of its steps")
)

// slowFlags turn every mechanism off that spares work.
const slowFlags = "--feature-gates=SkipUnchangedInputs=false,LedgerPlans=false,WatchDrift=false"

// twin is one of two namespaces to which the same happens.
type twin struct {
	*rig
	unit *kustomizev1.Kustomization
}

// twins are the same source and the same objects twice: once with the controller
// as it is, and once with one that does everything anew at each request.
type twins struct {
	t    *testing.T
	g    *WithT
	rand *rand.Rand
	fast *twin
	slow *twin
	// tree says what the source holds: the value of each object, with a suffix
	// for those with all they can have.
	tree map[string]string
	// note is a file beside the objects, label a label the build sets on all.
	note, label string
	revision    string
	step        int
	// from is where the requests of the step begin in the log of the fast side.
	from int
	did  []string
	// writes counts what was done, corrections what the slow way wrote.
	writes      map[string]int
	corrections int
}

// TestTheFastWayDoesWhatTheSlowWayDoes makes the same random edits in the source
// and the same random writes by other clients in two namespaces. After each step
// both units are asked to reconcile: then the objects must be equal, and the fast
// way must have written no object that the slow way left as it was. Another length
// and seed: -twins.steps=500 -twins.seed=12.
func TestTheFastWayDoesWhatTheSlowWayDoes(t *testing.T) {
	w := newTwins(t)
	for w.step = 1; w.step <= *twinSteps; w.step++ {
		w.did = nil
		w.take()
	}
	t.Logf("seed %d: %d objects written by the slow way, writes %v", *twinSeed, w.corrections, w.writes)
	if w.corrections < *twinSteps/2 {
		t.Errorf("the slow way wrote %d objects in %d steps: they prove little", w.corrections, *twinSteps)
	}
}

func newTwins(t *testing.T) *twins {
	t.Helper()
	g := NewWithT(t)
	w := &twins{
		t: t, g: g, rand: rand.New(rand.NewPCG(*twinSeed, *twinSeed)), //nolint:gosec // a test wants the same numbers again
		fast: &twin{rig: newRig(t)}, slow: &twin{rig: newRig(t, slowFlags)},
		tree: map[string]string{}, writes: map[string]int{}, revision: "0",
	}
	serveWidgets(t, g, w.fast)
	w.admit()
	for letter := range twinKinds {
		w.tree[letter+"0"], w.tree[letter+"1"] = "0", "0+"
	}
	w.publish()
	for _, side := range w.sides() {
		side.unit = side.rig.unit("app", "./app", func(k *kustomizev1.Kustomization) { k.Spec.RetryInterval = "1s" })
		g.Expect(side.Create(t.Context(), side.unit)).To(Succeed())
		g.Eventually(side.state(t.Context(), side.unit), soon).Should(Equal("True ReconciliationSucceeded main@sha1:0"))
	}
	return w
}

func (w *twins) sides() []*twin { return []*twin{w.fast, w.slow} }

// both does something on both sides at once.
func (w *twins) both(do func(*twin)) {
	var wg sync.WaitGroup
	for _, side := range w.sides() {
		wg.Go(func() { do(side) })
	}
	wg.Wait()
}

// publish offers the source to both.
func (w *twins) publish() {
	for _, side := range w.sides() {
		files := map[string]string{"docs/note.md": w.note}
		kustomization := fields{"resources": []string{}}
		for _, name := range slices.Sorted(maps.Keys(w.tree)) {
			value, full := strings.CutSuffix(w.tree[name], "+")
			files["app/"+name+".yaml"] = text(w.t, twinObject(side.namespace, name, value, full))
			kustomization["resources"] = append(kustomization["resources"].([]string), name+".yaml")
		}
		if w.label != "" {
			kustomization["labels"] = []any{fields{"pairs": fields{"all": w.label}}}
		}
		files["app/kustomization.yaml"] = text(w.t, kustomization)
		side.rig.publish(w.t, w.revision, files)
	}
}

// take makes one step: an edit of the source, writes by others, or both, in either
// order, and then compares.
func (w *twins) take() {
	w.from = w.fast.requests.end()
	changed := map[string]bool{}
	chance := w.rand.IntN(10)
	if chance < 2 {
		// The writes come while the fast side is applying the edit.
		spared := w.editSource()
		w.run(changed, func() { w.publish() }, func(side *twin) { w.await(side, "") }, w.slow)
		w.relist()
		w.write(spared)
	} else {
		w.relist()
		w.write(nil)
		if chance < 4 {
			w.editSource()
			w.run(changed, func() { w.publish() }, func(side *twin) { w.await(side, "") }, w.slow)
		}
	}
	token := fmt.Sprintf("%s-%d", w.slow.namespace, w.step)
	w.run(changed, func() { w.both(func(side *twin) { w.request(side, token) }) }, func(side *twin) { w.await(side, token) }, w.slow, w.fast)
	w.compare()
	w.spared(changed)
}

// run does something, waits for the sides, and notes what the slow one wrote.
func (w *twins) run(changed map[string]bool, do func(), wait func(*twin), sides ...*twin) {
	before := w.slow.observe(w.t, w.g)
	do()
	for _, side := range sides {
		wait(side)
	}
	after := w.slow.observe(w.t, w.g)
	maps.Copy(before, maps.Collect(func(yield func(string, seen) bool) {
		for name := range after {
			if _, ok := before[name]; !ok && !yield(name, seen{}) {
				return
			}
		}
	}))
	for name, was := range before {
		if is := after[name]; is.version != was.version || is.uid != was.uid {
			changed[name] = true
			w.corrections++
		}
	}
}

// request asks for a reconcile.
func (w *twins) request(side *twin, token string) {
	unit := &kustomizev1.Kustomization{ObjectMeta: side.rig.object("app", nil)}
	body := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:%q}}}`, meta.AnnotationRequestedAt, token)
	if err := side.Patch(w.t.Context(), unit, client.RawPatch("application/merge-patch+json", body)); err != nil {
		w.t.Errorf("%s: %v", w.said(), err)
	}
}

// await waits until a side has applied the revision, and handled a request.
func (w *twins) await(side *twin, token string) {
	want := "True ReconciliationSucceeded main@sha1:" + w.revision
	w.g.Eventually(func() (string, error) {
		state, err := side.state(w.t.Context(), side.unit)()
		if token != "" && side.unit.Status.LastHandledReconcileAt != token {
			state += " not handled"
		}
		return state, err
	}, soon, "5ms").Should(Equal(want), func() string { return w.said() + ": " + message(side.unit) })
}

// said describes what the step did.
func (w *twins) said() string {
	return fmt.Sprintf("seed %d, step %d: %s", *twinSeed, w.step, strings.Join(w.did, ", "))
}

// compare says whether both sides have the same objects.
func (w *twins) compare() {
	w.t.Helper()
	fast, slow := w.fast.observe(w.t, w.g), w.slow.observe(w.t, w.g)
	for _, name := range slices.Sorted(maps.Keys(slow)) {
		f, ok := fast[name]
		s := slow[name]
		switch {
		case !ok:
			w.t.Errorf("%s: %s is there, and missing on the fast side", w.said(), name)
		case f.terminating != s.terminating:
			w.t.Errorf("%s: %s is terminating: %t on the fast side, %t on the slow", w.said(), name, f.terminating, s.terminating)
		case s.terminating:
		case f.content != s.content:
			w.t.Errorf("%s: %s differs (-slow +fast):\n%s", w.said(), name, cmp.Diff(strings.Split(s.content, ","), strings.Split(f.content, ",")))
		case f.ours != s.ours:
			w.t.Errorf("%s: what was applied of %s differs (-slow +fast):\n%s", w.said(), name, cmp.Diff(strings.Split(s.ours, ","), strings.Split(f.ours, ",")))
		}
	}
	for name := range fast {
		if _, ok := slow[name]; !ok {
			w.t.Errorf("%s: %s is there on the fast side only", w.said(), name)
		}
	}
	w.conditions()
	w.stop()
}

// stop ends the test if something was found, and shows what the fast side did.
func (w *twins) stop() {
	w.t.Helper()
	if w.t.Failed() {
		w.t.Fatalf("the fast side asked in this step:\n%s", strings.Join(w.fast.requests.about(w.fast.namespace, w.from), "\n"))
	}
}

// conditions compares what the units say; only who watches can tell who
// drifted, and which watches are interrupted.
func (w *twins) conditions() {
	w.t.Helper()
	says := func(side *twin) []string {
		var lines []string
		for _, c := range side.unit.Status.Conditions {
			if c.Type != meta.ConditionDrifted && c.Type != meta.ConditionUnwatched {
				lines = append(lines, c.Type+" "+string(c.Status)+" "+c.Reason)
			}
		}
		for _, e := range side.unit.Status.Inventory.Entries {
			lines = append(lines, strings.ReplaceAll(e.ID, side.namespace, "NAMESPACE"))
		}
		slices.Sort(lines)
		return lines
	}
	if diff := cmp.Diff(says(w.slow), says(w.fast)); diff != "" {
		w.t.Errorf("%s: the units say (-slow +fast):\n%s", w.said(), diff)
	}
	if c := status.Find(w.fast.unit.Status.Conditions, meta.ConditionReady); c == nil || c.Status != metav1.ConditionTrue {
		w.t.Errorf("%s: the fast side is not ready", w.said())
	}
}

// spared says whether the fast side wrote what the slow one had no reason to.
func (w *twins) spared(changed map[string]bool) {
	w.t.Helper()
	for _, line := range w.fast.requests.about(w.fast.namespace, w.from) {
		method, uri, _ := strings.Cut(line, " ")
		if method == http.MethodGet || strings.Contains(uri, "dryRun=All") || strings.Contains(uri, "toolkit.fluxcd.io") {
			continue
		}
		_, path, _ := strings.Cut(uri, "/namespaces/"+w.fast.namespace+"/")
		path, _, _ = strings.Cut(path, "?")
		kept := path == "secrets" || strings.HasPrefix(path, "secrets/"+snapshots)
		if !changed[path] && !kept {
			w.t.Errorf("%s: the fast side wrote %s, the slow one did not change it", w.said(), line)
		}
	}
	w.stop()
}

// editSource changes the tree and returns the objects that this concerns.
func (w *twins) editSource() []string {
	w.revision = strconv.Itoa(w.step)
	names := slices.Sorted(maps.Keys(w.tree))
	name := names[w.rand.IntN(len(names))]
	value := strconv.Itoa(w.step)
	if w.rand.IntN(2) == 0 {
		value += "+"
	}
	var spared []string
	what := "document"
	switch w.rand.IntN(7) {
	case 0:
		w.note = value
	case 1:
		what, w.label, spared = "label", []string{"", "l" + strconv.Itoa(w.step)}[w.rand.IntN(2)], names
	case 2:
		name = slices.Sorted(maps.Keys(twinKinds))[w.rand.IntN(len(twinKinds))] + strconv.Itoa(w.rand.IntN(4))
		what, w.tree[name], spared = "put", value, []string{name}
	case 3:
		if len(names) > 10 {
			delete(w.tree, name)
			what, spared = "remove", []string{name}
		}
	default:
		what, w.tree[name], spared = "edit", value, []string{name}
	}
	w.did = append(w.did, "source "+what+" "+name)
	return spared
}

// write lets others write one to three objects, each of them once, and sometimes
// lets go all that finalizers hold.
func (w *twins) write(spared []string) {
	w.t.Helper()
	live := w.slow.observe(w.t, w.g)
	var names []string
	for _, key := range slices.Sorted(maps.Keys(live)) {
		_, name, _ := strings.Cut(key, "/")
		if !slices.Contains(spared, name) && !live[key].terminating {
			names = append(names, name)
		}
	}
	w.rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names[:min(len(names), 1+w.rand.IntN(3))] {
		writes := general()
		if w.rand.IntN(2) == 0 {
			writes = special(name[:1])
		}
		kinds := slices.Sorted(maps.Keys(writes))
		kind := kinds[w.rand.IntN(len(kinds))]
		w.did = append(w.did, kind+" "+name)
		w.writes[kind]++
		for _, side := range w.sides() {
			w.try(side, name, writes[kind])
		}
	}
	if w.rand.IntN(6) == 0 && spared == nil {
		w.release(live)
	}
}

// try writes; a conflict with a correction that came in between is tried again.
func (w *twins) try(side *twin, name string, do write) {
	w.t.Helper()
	for range 5 {
		err := do(w.t.Context(), side.rig, name, strconv.Itoa(w.step))
		if err == nil {
			return
		}
		if !apierrors.IsConflict(err) {
			w.did = append(w.did, "refused: "+string(apierrors.ReasonForError(err)))
			return
		}
	}
	w.t.Fatalf("%s: conflicts with %s do not end", w.said(), name)
}

// release removes the finalizers of what is being deleted.
func (w *twins) release(live map[string]seen) {
	for key, s := range live {
		_, name, _ := strings.Cut(key, "/")
		if s.terminating {
			w.did = append(w.did, "release "+name)
			for _, side := range w.sides() {
				w.try(side, name, merge("somebody", func(string) fields { return fields{"metadata": fields{"finalizers": nil}} }))
			}
		}
	}
}

// relist sometimes cuts the watches, and sometimes has what they saw expire too,
// so that everything is listed again.
func (w *twins) relist() {
	switch w.rand.IntN(12) {
	case 0:
		w.did = append(w.did, fmt.Sprintf("cut %d watches", w.fast.requests.cut(applied)))
	case 1:
		expired := map[string]bool{}
		w.fast.requests.tamper(func(req *http.Request) *http.Response {
			if req.URL.Query().Get("watch") == "" || expired[req.URL.Path] || !applied(req.URL.Path) {
				return nil
			}
			expired[req.URL.Path] = true
			return gone(req)
		})
		w.t.Cleanup(func() { w.fast.requests.tamper(nil) })
		w.did = append(w.did, fmt.Sprintf("cut and expire %d watches", w.fast.requests.cut(applied)))
	}
}

// applied reports whether a watch is of a kind that is applied.
func applied(path string) bool { return !strings.Contains(path, "toolkit.fluxcd.io") }

// gone answers a watch from a version that is too old.
func gone(req *http.Request) *http.Response {
	const body = `{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"too old","reason":"Expired","code":410}`
	return &http.Response{
		StatusCode: http.StatusGone, Request: req, ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
	}
}

// admit has admission change ConfigMaps that ask for it by annotation: in every
// write, or only in the one that changes the annotation.
func (w *twins) admit() {
	name := w.fast.namespace
	always := fmt.Sprintf("has(object.metadata.annotations) && %q in object.metadata.annotations", touchAlways)
	once := fmt.Sprintf("has(object.metadata.annotations) && %[1]q in object.metadata.annotations && !(oldObject != null && has(oldObject.metadata.annotations) && "+
		"%[1]q in oldObject.metadata.annotations && oldObject.metadata.annotations[%[1]q] == object.metadata.annotations[%[1]q])", touchOnce)
	policy := &admissionv1.MutatingAdmissionPolicy{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: admissionv1.MutatingAdmissionPolicySpec{
			ReinvocationPolicy: admissionv1.NeverReinvocationPolicy,
			MatchConstraints: &admissionv1.MatchResources{
				NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{
					Key: "kubernetes.io/metadata.name", Operator: metav1.LabelSelectorOpIn, Values: []string{name, w.slow.namespace},
				}}},
				ResourceRules: []admissionv1.NamedRuleWithOperations{{RuleWithOperations: admissionv1.RuleWithOperations{
					Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
					Rule:       admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"configmaps"}},
				}}},
			},
			MatchConditions: []admissionv1.MatchCondition{{Name: "asked-for", Expression: "(" + always + ") || (" + once + ")"}},
			Mutations: []admissionv1.Mutation{{
				PatchType:          admissionv1.PatchTypeApplyConfiguration,
				ApplyConfiguration: &admissionv1.ApplyConfiguration{Expression: `Object{data: {"other": "admitted"}}`},
			}},
		},
	}
	binding := &admissionv1.MutatingAdmissionPolicyBinding{
		ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: admissionv1.MutatingAdmissionPolicyBindingSpec{PolicyName: name},
	}
	w.g.Expect(w.fast.Create(w.t.Context(), policy)).To(Succeed())
	w.g.Expect(w.fast.Create(w.t.Context(), binding)).To(Succeed())
	w.t.Cleanup(func() { _ = w.fast.Delete(w.t.Context(), binding); _ = w.fast.Delete(w.t.Context(), policy) })
	probe := twinRef(name, "c9")
	probe.SetAnnotations(map[string]string{touchOnce: "probe"})
	w.g.Eventually(func() (string, error) {
		probed := probe.DeepCopy()
		err := w.fast.Create(w.t.Context(), probed, client.DryRunAll)
		data, _ := probed.Object["data"].(fields)
		return fmt.Sprint(data["other"]), err
	}, soon).Should(Equal("admitted"))
}
