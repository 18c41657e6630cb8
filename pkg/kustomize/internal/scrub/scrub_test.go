package scrub

import (
	"errors"
	"strings"
	"testing"
)

func TestText(t *testing.T) {
	for in, want := range map[string]string{
		"reading /tree/a.yaml in /tree":                     "reading a.yaml in .",
		"trouble configuring with config: `\na: hunter2\n`": "trouble configuring with config: ***",
		"cannot unmarshal !!str `hunter2":                   "cannot unmarshal !!str ***",
		"empty item at [] in object kind: Secret hunter2":   "empty item at [] in object ***",
		"line\n  two":        "line two",
		"value hidden-by-us": "value ***",
	} {
		if got := Text(errors.New(in), "/tree", []string{"hidden-by-us"}); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
	if got := Text(errors.New(strings.Repeat("ä", 5000)), "/tree", nil); len(got) > maxDetail+8 {
		t.Errorf("the text has %d bytes", len(got))
	}
}
