package report_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func sample() report.Report {
	return report.Report{Cells: []report.Cell{{Name: "noop", About: "nothing", Units: 300, Steps: []report.Step{{
		Name: "all", Use: meter.Use{Requests: []meter.Request{{User: "kustomize-controller", What: "patch x", Count: 3}}},
		Figures: []report.Figure{report.AtMost("wall", 12, "ms", 10), report.AtMost("requests", 0, "", 0), report.Of("CPU", 0.5, "s")},
	}}}}}
}

func TestPrint(t *testing.T) {
	var text strings.Builder
	if err := sample().Cells[0].Print(&text); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"12 ms", "≤ 10 ms  NO", "≤ 0      yes", "0.50 s", "3 kustomize-controller: patch x"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, text.String())
		}
	}
}

func TestMissed(t *testing.T) {
	var text strings.Builder
	sample().Missed(&text)
	if want := "not met: noop at 300, all: wall is 12 ms, target ≤ 10 ms\n"; text.String() != want {
		t.Errorf("missed are %q, want %q, because a limit of 0 that is kept is kept", text.String(), want)
	}
}

func TestWriteJSON(t *testing.T) {
	path := filepath.Join(t.TempDir(), "report.json")
	if err := sample().WriteJSON(path); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got report.Report
	if err := json.Unmarshal(content, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), got); diff != "" {
		t.Errorf("what is read back differs (-want +got):\n%s", diff)
	}
}

func TestMarkdown(t *testing.T) {
	text := sample().Markdown()
	for _, want := range []string{
		"1 of 2 targets are met.",
		"| `noop` | 300 × 0 | all | wall | ≤ 10 ms | 12 ms | **no** |",
		"| `noop` | 300 × 0 | all | requests | ≤ 0 | 0 | yes |",
		"| `noop` | 300 × 0 | all | CPU 0.50 s | 0.00 s |",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the table lacks %q:\n%s", want, text)
		}
	}
}

func TestReplace(t *testing.T) {
	const document = "before\n<!-- x: begin -->\nold\n<!-- x: end -->\nafter\n"
	got, err := report.Replace(document, "x", "new\n")
	if want := "before\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nafter\n"; err != nil || got != want {
		t.Errorf("got %q, %v, want %q", got, err, want)
	}
	if back, err := report.Between(got, "x"); err != nil || back != "new\n" {
		t.Errorf("between the markers stands %q, %v", back, err)
	}
	if _, err := report.Replace(document, "y", "new\n"); err == nil {
		t.Error("text is put between markers that are not there")
	}
}

func TestMet(t *testing.T) {
	cases := map[string]struct {
		figure report.Figure
		judged bool
		met    bool
		target string
		why    string
	}{
		"Limit":   {report.AtMost("a", 10, "ms", 10), true, true, "≤ 10 ms", "the limit itself is allowed"},
		"Beyond":  {report.AtMost("a", 11, "ms", 10), true, false, "≤ 10 ms", "it is more"},
		"Least":   {report.AtLeast("a", 85, "%", 85), true, true, "≥ 85 %", "the least is enough"},
		"TooFew":  {report.AtLeast("a", 84, "%", 85), true, false, "≥ 85 %", "it is less"},
		"Nothing": {report.Of("a", 84, "%"), false, true, "", "nothing is promised"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := tc.figure
			if f.Judged() != tc.judged || f.Met() != tc.met || f.Target() != tc.target {
				t.Errorf("judged %t, met %t, target %q, because %s", f.Judged(), f.Met(), f.Target(), tc.why)
			}
		})
	}
}
