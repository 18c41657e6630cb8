package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestSummary(t *testing.T) {
	cases := map[string]struct {
		why, stream, shown, hidden string
		passed, failed, skipped    int
	}{
		"Pass": {
			why:    "the output of a test that passes is not shown",
			stream: `{"Action":"output","Package":"p","Test":"T","Output":"noise\n"}` + "\n" + `{"Action":"pass","Package":"p","Test":"T"}`,
			passed: 1, hidden: "noise",
		},
		"Fail": {
			why:    "the output of a test that fails is",
			stream: `{"Action":"output","Package":"p","Test":"T","Output":"cause\n"}` + "\n" + `{"Action":"fail","Package":"p","Test":"T"}`,
			failed: 1, shown: "cause",
		},
		"Skip":   {why: "a skipped test is counted", stream: `{"Action":"skip","Package":"p","Test":"T"}`, skipped: 1},
		"NoTest": {why: "a package without tests is not a test", stream: `{"Action":"skip","Package":"p"}`},
		"Build": {
			why:    "what a compiler says is always shown",
			stream: `{"Action":"build-output","ImportPath":"p","Output":"undefined: x\n"}` + "\n" + `{"Action":"fail","Package":"p"}`,
			shown:  "undefined: x",
		},
		"Text": {why: "a line that is no event is passed on", stream: "plain words", shown: "plain words"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			s := &summary{out: &out, output: map[string][]string{}}
			if err := s.read(strings.NewReader(tc.stream)); err != nil {
				t.Fatal(err)
			}
			if s.passed != tc.passed || s.failed != tc.failed || s.skipped != tc.skipped {
				t.Errorf("%s: got %d passed, %d failed, %d skipped", tc.why, s.passed, s.failed, s.skipped)
			}
			if !strings.Contains(out.String(), tc.shown) || tc.hidden != "" && strings.Contains(out.String(), tc.hidden) {
				t.Errorf("%s: got %q", tc.why, out.String())
			}
		})
	}
}
