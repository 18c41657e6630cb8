package controller

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/pkg/events"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/pkg/status"
	"github.com/capstan-gitops/capstan/source-controller/internal/phase"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// charts is a kind of source beside GitRepository: blobs with a version, words of
// its own, and no timeout in its spec.
type charts struct {
	version, content string
	err              error
}

func (c *charts) Resolve(context.Context) (upstream.Candidate, error) {
	ready := upstream.Message{Reason: meta.ReasonChartPullSucceeded, Text: "pulled 'podinfo' chart with version '" + c.version + "'"}
	return upstream.Candidate{
		Revision: c.version, File: "podinfo-" + c.version + ".tgz", Ready: ready,
		Fetch: func(context.Context) (*upstream.Content, error) {
			return &upstream.Content{
				Body: upstream.Blob{Bytes: strings.NewReader(c.content), Size: int64(len(c.content))}, Event: ready,
			}, nil
		},
	}, c.err
}

func (c *charts) kind() sourceKind[*sourcev1.HelmChart] {
	return sourceKind[*sourcev1.HelmChart]{
		name:     sourcev1.HelmChartKind,
		empty:    func() *sourcev1.HelmChart { return &sourcev1.HelmChart{} },
		interval: func(obj *sourcev1.HelmChart) (time.Duration, error) { return obj.Spec.Interval.Parse() },
		timeout:  func(*sourcev1.HelmChart) (time.Duration, error) { return time.Minute, nil },
		connect:  func(context.Context, *sourcev1.HelmChart) (upstream.Upstream, error) { return c, nil },
		artifact: func(obj *sourcev1.HelmChart) **meta.Artifact { return &obj.Status.Artifact },
		settings: func(obj *sourcev1.HelmChart, s *phase.Scope) {
			if obj.Spec.Verify != nil {
				s.Unsupported = "spec.verify"
			}
		},
		observe: func(obj *sourcev1.HelmChart, s *phase.Scope) { obj.Status.ObservedChartName = s.Candidate.Revision },
	}
}

// chartRig reconciles one HelmChart against a client in memory.
type chartRig struct {
	*reconciler.Reconciler[*sourcev1.HelmChart, *phase.Scope]
	source *charts
	dir    string
	obj    *sourcev1.HelmChart
	events []events.Event
}

// Emit keeps the events.
func (r *chartRig) Emit(_ client.Object, e events.Event) { r.events = append(r.events, e) }

func newChartRig(t *testing.T) *chartRig {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := sourcev1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	clock := clocktesting.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	r := &chartRig{dir: t.TempDir(), source: &charts{version: "1.2.3", content: "chart"}}
	r.obj = &sourcev1.HelmChart{
		ObjectMeta: metav1.ObjectMeta{Namespace: "apps", Name: "podinfo"},
		Spec:       sourcev1.HelmChartSpec{Chart: "podinfo", Interval: "10m"},
	}
	store, err := storage.New(storage.Options{Dir: r.dir, Advertised: "http://source", TTL: time.Minute, Records: 2, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(r.obj).WithStatusSubresource(r.obj).Build()
	r.Reconciler = &reconciler.Reconciler[*sourcev1.HelmChart, *phase.Scope]{
		Kind:   r.source.kind().kind(store, phase.Options{Algorithm: "sha256", MaxBytes: 10}),
		Client: c, Live: c, Recorder: r, Clock: clock, FieldOwner: "source-controller", WaitFallback: time.Minute,
	}
	return r
}

// pass reconciles and returns the conditions and events as texts.
func (r *chartRig) pass(t *testing.T) (conditions, events []string) {
	t.Helper()
	r.events = nil
	// Errors are those of the source, which the conditions show.
	_, _ = r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)})
	r.read(t)
	for _, c := range r.obj.Status.Conditions {
		conditions = append(conditions, c.Type+" "+string(c.Status)+" "+c.Reason)
	}
	for _, e := range r.events {
		events = append(events, string(e.Reason)+": "+e.Message+" ("+e.Metadata["revision"]+")")
	}
	slices.Sort(conditions)
	return conditions, events
}

func (r *chartRig) read(t *testing.T) {
	t.Helper()
	if err := r.Client.Get(t.Context(), client.ObjectKeyFromObject(r.obj), r.obj); err != nil {
		t.Fatal(err)
	}
}

// TestAnotherKindFits follows an object of a kind that is nothing but a
// sourceKind and an upstream through all that happens to sources.
func TestAnotherKindFits(t *testing.T) {
	r := newChartRig(t)
	steps := []struct {
		why        string
		change     func()
		conditions []string
		events     []string
		revision   string
	}{
		{
			why:        "a new object is stored, in the words of its kind",
			change:     func() {},
			conditions: []string{"ArtifactInStorage True ChartPullSucceeded", "Ready True ChartPullSucceeded"},
			events:     []string{"ChartPullSucceeded: pulled 'podinfo' chart with version '1.2.3' (1.2.3)"},
			revision:   "1.2.3",
		},
		{
			why:        "nothing changed, nothing is reported",
			change:     func() {},
			conditions: []string{"ArtifactInStorage True ChartPullSucceeded", "Ready True ChartPullSucceeded"},
			revision:   "1.2.3",
		},
		{
			why: "the source cannot be asked; the artifact stays",
			change: func() {
				r.source.err = fault.Retry(meta.ReasonChartPullError, errors.New("asking the repository: no answer"))
			},
			conditions: []string{
				"ArtifactInStorage True ChartPullSucceeded", "FetchFailed True ChartPullError",
				"Ready False ChartPullError", "Reconciling True ProgressingWithRetry",
			},
			events:   []string{"ChartPullError: asking the repository: no answer (1.2.3)"},
			revision: "1.2.3",
		},
		{
			why:        "it works again, with what is stored",
			change:     func() { r.source.err = nil },
			conditions: []string{"ArtifactInStorage True ChartPullSucceeded", "Ready True ChartPullSucceeded"},
			events:     []string{"ChartPullSucceeded: pulled 'podinfo' chart with version '1.2.3' (1.2.3)"},
			revision:   "1.2.3",
		},
		{
			why:    "the new version cannot be stored; the old one stays",
			change: func() { r.source.version, r.source.content = "1.2.4", "larger than allowed" },
			conditions: []string{
				"ArtifactInStorage True ChartPullSucceeded", "ArtifactOutdated True NewRevision", "Ready False ArchiveOperationFailed",
				"Reconciling True ProgressingWithRetry", "StorageOperationFailed True ArchiveOperationFailed",
			},
			events:   []string{"ArchiveOperationFailed: storing revision '1.2.4': a limit is exceeded: the file has 19 bytes, more than 10 (1.2.3)"},
			revision: "1.2.3",
		},
		{
			why:        "the new version is stored",
			change:     func() { r.source.content = "chart two" },
			conditions: []string{"ArtifactInStorage True ChartPullSucceeded", "Ready True ChartPullSucceeded"},
			events:     []string{"ChartPullSucceeded: pulled 'podinfo' chart with version '1.2.4' (1.2.4)"},
			revision:   "1.2.4",
		},
		{
			why: "the stored file is damaged: it is made again",
			change: func() {
				if err := os.WriteFile(filepath.Join(r.dir, r.obj.Status.Artifact.Path), []byte("chart 222"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			conditions: []string{"ArtifactInStorage True ChartPullSucceeded", "Ready True ChartPullSucceeded"},
			events: []string{
				"ArtifactVerificationFailed: verifying stored artifact of revision '1.2.4': it is missing or damaged and is made again (1.2.4)",
				"ChartPullSucceeded: pulled 'podinfo' chart with version '1.2.4' (1.2.4)",
			},
			revision: "1.2.4",
		},
		{
			why: "a field that is not acted on stalls the object",
			change: func() {
				r.obj.Spec.Verify = &sourcev1.HelmChartVerification{}
				r.obj.Generation++
				if err := r.Client.Update(t.Context(), r.obj); err != nil {
					t.Fatal(err)
				}
			},
			conditions: []string{
				"ArtifactInStorage True ChartPullSucceeded", "FetchFailed True FieldNotSupported",
				"Ready False FieldNotSupported", "Stalled True FieldNotSupported",
			},
			events:   []string{"FieldNotSupported: reading spec.verify: this version does not act on it: remove the field (1.2.4)"},
			revision: "1.2.4",
		},
	}
	for _, step := range steps {
		step.change()
		conditions, reported := r.pass(t)
		if diff := cmp.Diff(step.conditions, conditions); diff != "" {
			t.Errorf("%s: conditions (-want +got):\n%s", step.why, diff)
		}
		if diff := cmp.Diff(step.events, reported); diff != "" {
			t.Errorf("%s: events (-want +got):\n%s", step.why, diff)
		}
		if a := r.obj.Status.Artifact; !a.HasRevision(step.revision) || r.obj.Status.ObservedChartName != step.revision {
			t.Errorf("%s: the status shows %+v", step.why, r.obj.Status)
		}
	}
	if want := "http://source/helmchart/apps/podinfo/podinfo-1.2.4.tgz"; r.obj.Status.Artifact.URL != want {
		t.Errorf("the address is %s", r.obj.Status.Artifact.URL)
	}
	if err := r.Client.Delete(t.Context(), r.obj); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Reconcile(t.Context(), ctrl.Request{NamespacedName: client.ObjectKeyFromObject(r.obj)}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(r.dir, "helmchart/apps/podinfo")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a deleted object leaves its artifacts: %v", err)
	}
}

// TestConditionsOfPhases says which condition shows that a phase failed.
func TestConditionsOfPhases(t *testing.T) {
	phases := phase.List(nil, phase.Options{})
	derive := conditionsOf(phases).derive
	cases := map[string]struct {
		why    string
		phases []string
		want   string
	}{
		"Source": {"the source cannot be asked or read", []string{"accept", "connect", "resolve", "fetch"}, meta.ConditionFetchFailed},
		"Disk":   {"the artifact cannot be checked or stored", []string{"prepare", "publish"}, meta.ConditionStorageOperationFailed},
		"None":   {"a bad duration ends the pass before the first phase", []string{""}, meta.ConditionFetchFailed},
	}
	for name, tc := range cases {
		for _, at := range tc.phases {
			v := reconciler.Verdict{Summary: status.Summary{Kind: status.Retry, Reason: meta.ReasonFailed, Message: "why"}}
			for _, p := range phases {
				if p.Name == at {
					v.Fails = p.Fails
				}
			}
			var got []string
			for _, own := range derive(&phase.Scope{Current: &meta.Artifact{}}, v) {
				if own.Status == metav1.ConditionTrue {
					got = append(got, own.Type)
				}
			}
			if diff := cmp.Diff([]string{tc.want}, got); diff != "" {
				t.Errorf("%s: %s: %s (-want +got):\n%s", name, at, tc.why, diff)
			}
		}
	}
	want := []string{
		meta.ConditionArtifactInStorage, meta.ConditionArtifactOutdated,
		meta.ConditionFetchFailed, meta.ConditionStorageOperationFailed,
	}
	if diff := cmp.Diff(want, conditionsOf(phases).owned()); diff != "" {
		t.Errorf("owned (-want +got):\n%s", diff)
	}
}
