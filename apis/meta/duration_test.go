package meta_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/capstan-gitops/capstan/apis/meta"
)

func TestDurationParse(t *testing.T) {
	cases := map[string]struct {
		why  string
		text meta.Duration
		want time.Duration
		err  error
		hint string
	}{
		"Compound":    {why: "several units add up", text: "1h30m", want: 90 * time.Minute},
		"Fraction":    {why: "the pattern of the API allows fractions", text: "1.5s", want: 1500 * time.Millisecond},
		"Zero":        {why: "zero is a duration, whatever a field makes of it", text: "0s", want: 0},
		"Longest":     {why: "the longest duration there is", text: "9223372036854775807ns", want: 1<<63 - 1},
		"Empty":       {why: "no text is not zero", text: "", err: meta.ErrDurationEmpty, hint: "10m"},
		"Negative":    {why: "nothing can be done before now", text: "-1m", err: meta.ErrDurationNegative, hint: "-1m"},
		"Overflow":    {why: "one more than the longest", text: "9223372036854775808ns", err: meta.ErrDurationInvalid},
		"Exponent":    {why: "exponents are not part of the syntax", text: "1e9h", err: meta.ErrDurationInvalid},
		"Days":        {why: "a day is the commonest mistake", text: "1d", err: meta.ErrDurationInvalid, hint: "24h"},
		"NoUnit":      {why: "a number alone could be anything", text: "5", err: meta.ErrDurationInvalid, hint: "no unit"},
		"JSON":        {why: "the text of another JSON value is kept and refused", text: `{"a":1}`, err: meta.ErrDurationInvalid},
		"LongAndBad":  {why: "a hostile text may not fill a condition", text: meta.Duration(strings.Repeat("ä", 1<<20)), err: meta.ErrDurationInvalid},
		"LineBreaks":  {why: "a text with line breaks is quoted", text: "1m\n2m", err: meta.ErrDurationInvalid, hint: `"1m\n2m"`},
		"SpaceInside": {why: "spaces are not part of the syntax", text: "1 m", err: meta.ErrDurationInvalid},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := tc.text.Parse()
			if !errors.Is(err, tc.err) || got != tc.want {
				t.Fatalf("%s: Parse() = %v, %v; want %v, %v", tc.why, got, err, tc.want, tc.err)
			}
			if err == nil {
				return
			}
			if !strings.Contains(err.Error(), tc.hint) || len(err.Error()) > 400 {
				t.Errorf("%s: error %q has to contain %q and be short", tc.why, err, tc.hint)
			}
		})
	}
}

func TestDurationKeepsAnyJSON(t *testing.T) {
	cases := map[string]struct {
		why, json string
		want      meta.Duration
	}{
		"String":   {why: "a string is kept as it is", json: `"1d"`, want: "1d"},
		"Empty":    {why: "so is an empty one", json: `""`, want: ""},
		"Escapes":  {why: "escapes are those of JSON", json: `"1\u0064"`, want: "1d"},
		"Number":   {why: "the text of a number is kept", json: `5`, want: "5"},
		"Huge":     {why: "also of one that no Go type holds", json: `1e999`, want: "1e999"},
		"Object":   {why: "and of an object", json: `{"a":1}`, want: `{"a":1}`},
		"List":     {why: "and of a list", json: `["1m"]`, want: `["1m"]`},
		"Boolean":  {why: "and of a truth value", json: `true`, want: "true"},
		"Null":     {why: "null is no text", json: `null`, want: ""},
		"Overflow": {why: "what it means is judged later", json: `"9223372036854775808ns"`, want: "9223372036854775808ns"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got meta.Duration
			if err := json.Unmarshal([]byte(tc.json), &got); err != nil || got != tc.want {
				t.Fatalf("%s: got %q, %v; want %q", tc.why, got, err, tc.want)
			}
			again, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			var second meta.Duration
			if err := json.Unmarshal(again, &second); err != nil || second != got {
				t.Errorf("%s: the round trip gives %q, %v; want %q", tc.why, second, err, got)
			}
		})
	}
}

func TestDurationOr(t *testing.T) {
	if got, err := meta.Duration("").Or(time.Minute); err != nil || got != time.Minute {
		t.Errorf("no text: got %v, %v; want the default", got, err)
	}
	if got, err := meta.Duration("2s").Or(time.Minute); err != nil || got != 2*time.Second {
		t.Errorf("a text: got %v, %v; want 2s", got, err)
	}
	if _, err := meta.Duration("2x").Or(time.Minute); err == nil {
		t.Error("a bad text has to fail, not to become the default")
	}
}

func TestDurationOfUnstructured(t *testing.T) {
	type object struct {
		Interval meta.Duration `json:"interval"`
	}
	var got object
	in := map[string]any{"interval": map[string]any{"a": int64(1)}}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(in, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(object{Interval: `{"a":1}`}, got); diff != "" {
		t.Errorf("an object where a duration belongs has to be kept (-want +got):\n%s", diff)
	}
}
