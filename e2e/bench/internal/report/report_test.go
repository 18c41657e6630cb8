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
	return report.Report{Cells: []report.Cell{{Name: "noop", About: "nothing", Steps: []report.Step{{
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
	if want := "not met: noop, all: wall is 12 ms, target 10 ms\n"; text.String() != want {
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
