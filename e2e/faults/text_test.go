package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

// kustomization is short for what most settings are about.
type kustomization = kustomizev1.Kustomization

const (
	// longestMessage is what a condition may say.
	longestMessage = 1 << 10
	// longestEvent is what the wire contract lets an event say.
	longestEvent = 39000
	// longestLine is what a line of the log may hold: what was refused, once, and escaped.
	longestLine = 256 << 10
)

// TestHostileText guards against text that floods or forges messages and logs: huge annotations, huge names in fields, control characters and characters that turn the
// direction of writing end in messages of bounded length that show them, and in a log with a record a line.
func TestHostileText(t *testing.T) {
	t.Parallel()
	s := scene(t, "text", "maps")
	c := newController(t, "text")
	repository := s.Repository("state-1")
	nasty := "\u202etxt.\u2066\x1b[31m\x1b]0;pwned\x07\nlevel=error msg=forged\r\u2028\u0085" + strings.Repeat("n", 64<<10)
	huge := map[string]string{"example.com/huge": strings.Repeat("a", 200<<10), "example.com/bidi": "\u202e\x1b[2J\n"}
	hostile := map[string]steps.Setting{
		"path":      func(k *kustomization) { k.Spec.Path = "./" + nasty },
		"component": func(k *kustomization) { k.Spec.Components = []string{nasty} },
		"reference": func(k *kustomization) {
			k.Spec.PostBuild = &kustomizev1.PostBuild{Substitute: map[string]string{"x": nasty}}
			k.Spec.NamePrefix = "UPPER" + strings.Repeat("p", 150)
		},
		"namespace": func(k *kustomization) { k.Spec.TargetNamespace = "no-such-namespace" },
	}
	for name, change := range hostile {
		unit := repository.SyncAs(name, "app", c.ours(), change, func(k *kustomization) { k.Annotations = huge })
		isRefused(s, unit)
		for _, condition := range unit.Object().Status.Conditions {
			if problem := unreadable(condition.Message, longestMessage); problem != "" {
				t.Errorf("%s: %s says %s", name, condition.Type, problem)
			}
		}
	}
	events := &corev1.EventList{}
	if err := shared.Client.List(t.Context(), events, client.InNamespace(s.Namespace)); err != nil {
		t.Fatal(err)
	}
	for _, e := range events.Items {
		if problem := unreadable(e.Message, longestEvent); problem != "" {
			t.Errorf("the event about %s says %s", e.InvolvedObject.Name, problem)
		}
	}
	oneRecordALine(t, c)
}

// isRefused waits until a unit has failed, for whatever reason.
func isRefused(s *steps.Scene, unit *steps.Kustomization) {
	obj := unit.Object()
	s.Becomes("fails", steps.Arrival, obj, func() bool {
		return apimeta.IsStatusConditionFalse(obj.Status.Conditions, meta.ConditionReady)
	})
}

// unreadable says what is wrong with a message.
func unreadable(text string, longest int) string {
	if len(text) > longest {
		return fmt.Sprintf("%d bytes: %.200q…", len(text), text)
	}
	for _, r := range text {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028') {
			return fmt.Sprintf("something invisible: %q", text)
		}
	}
	return ""
}

// oneRecordALine checks that the log of a controller is a record a line.
func oneRecordALine(t *testing.T, c *controller) {
	t.Helper()
	content, err := os.ReadFile(c.spec.Log)
	if err != nil {
		t.Fatal(err)
	}
	records := 0
	for line := range bytes.Lines(content) {
		if records++; !json.Valid(line) || len(line) > longestLine {
			t.Errorf("line %d of the log (%d bytes) is no record: %.300q", records, len(line), line)
		}
	}
	if records == 0 {
		t.Error("the log is empty")
	}
}

// TestSeriesGoWithTheirObjects guards against metrics that grow without bound: every object may have a name of 253 characters, and there may be many; what
// the metrics hold of them is bounded while they exist, and gone when they are.
func TestSeriesGoWithTheirObjects(t *testing.T) {
	t.Parallel()
	s := scene(t, "series", "maps")
	c := newController(t, "series")
	repository := s.Repository("state-1")
	repository.Sync("app", c.ours()).BecomesReady()
	const many = 100
	before := len(series(t, c, ""))
	var units []*steps.Kustomization
	for i := range many {
		name := fmt.Sprintf("unit-%03d-%s", i, strings.Repeat("n", 240))
		units = append(units, repository.SyncAs(name, "missing", c.ours()))
	}
	for _, unit := range units {
		isRefused(s, unit)
	}
	const perObject = 40
	if now := len(series(t, c, "")); now > before+many*perObject {
		t.Errorf("%d objects have %d series", many, now-before)
	}
	if len(series(t, c, units[0].Object().Name)) == 0 {
		t.Error("no series is about an object; this test proves nothing")
	}
	for _, unit := range units {
		s.Delete(unit.Object())
	}
	for _, unit := range units {
		s.Vanishes(unit.Object())
	}
	until(t, "no series is about an object that is gone", 10*time.Second, func(context.Context) (bool, string) {
		found := series(t, c, "unit-")
		return len(found) == 0, fmt.Sprintf("%d, one of them %.300q", len(found), append(found, "")[0])
	})
	// Some series are of what was done for the first time; they are not one an object.
	if now := len(series(t, c, "")); now >= before+many {
		t.Errorf("there were %d series, and there are %d", before, now)
	}
}

// series returns the lines of the metrics that contain a text.
func series(t *testing.T, c *controller, text string) (found []string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+c.metrics+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(content)) {
		if !strings.HasPrefix(line, "#") && strings.Contains(line, text) {
			found = append(found, line)
		}
	}
	return found
}
