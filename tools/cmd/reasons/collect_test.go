package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCollect(t *testing.T) {
	const whole = "// ReasonA says that it is so.\n//\n// Kinds: all.\n//\n// Do: nothing.\n//\n// Retries: no.\n"
	cases := map[string]struct {
		why, source, err string
	}{
		"Whole":     {why: "a complete comment is an entry", source: "const (\n" + whole + "ReasonA Reason = \"A\"\n)"},
		"NoComment": {why: "a reason without comment fails", source: `const ReasonA Reason = "A"`, err: "ReasonA"},
		"Part":      {why: "a comment without remedy fails", source: "const (\n// ReasonA says that it is so.\n//\n// Kinds: all.\nReasonA Reason = \"A\"\n)", err: "Do:"},
		"Misnamed":  {why: "name and value belong together", source: "const (\n" + whole + "ReasonA Reason = \"B\"\n)", err: "ReasonB"},
		"Twice":     {why: "a reason is declared once", source: "const (\n" + whole + "ReasonA Reason = \"A\"\n" + whole + "ReasonA Reason = \"A\"\n)", err: "twice"},
		"None":      {why: "an empty folder is a mistake", source: "", err: "there are none"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "a.go"), []byte("package a\n\n"+tc.source), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := collect(folder)
			if tc.err == "" {
				if err != nil || len(got) != 1 || got[0].meaning != "It is so." {
					t.Errorf("%s: got %v, %v", tc.why, got, err)
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), tc.err) {
				t.Errorf("%s: error %v, want one with %q", tc.why, err, tc.err)
			}
		})
	}
}
