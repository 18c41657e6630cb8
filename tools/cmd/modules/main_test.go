package main

import (
	"strings"
	"testing"
)

func TestDiffer(t *testing.T) {
	cases := map[string]struct {
		why, alone, together, want string
	}{
		"Same":   {why: "equal versions are well", alone: "a v1.0.0", together: "a v1.0.0,b v2.0.0"},
		"Parted": {why: "both versions are named", alone: "a v1.0.0", together: "a v1.1.0", want: "m requires a v1.0.0, the workspace chooses v1.1.0"},
		"Ours":   {why: "an empty line is a module of ours", alone: "", together: "a v1.0.0"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := differ("m", strings.Split(tc.alone, ","), strings.Split(tc.together, ","))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.why, err, tc.want)
			}
		})
	}
}

func TestFamily(t *testing.T) {
	cases := map[string]struct {
		why, text, want string
	}{
		"Apache":  {why: "line breaks do not matter", text: "   Apache License\n   Version 2.0, January 2004\n", want: "Apache-2.0"},
		"BSD":     {why: "the clause names it", text: "Redistribution and use in source and binary\nforms, with or without", want: "BSD"},
		"GPL":     {why: "a licence that binds our users is refused", text: "GNU GENERAL PUBLIC LICENSE\nVersion 3", want: ""},
		"Quoting": {why: "quoting ours does not help", text: "GNU General Public License ... permission is hereby granted, free of charge", want: ""},
		"Nothing": {why: "an unknown text is refused", text: "all rights reserved", want: ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := family([]byte(tc.text)); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}
