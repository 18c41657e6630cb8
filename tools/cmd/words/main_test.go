package main

import (
	"maps"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/tools/internal/testtree"
)

// smallList is a list like ours.
const smallList = `
[words]
stray, strays | both | orphan
=mark | name | fingerprint
look | name | list
look up | name | ok
held back | both | deferred
tells | prose | reports

[citations]
row number | (^|[^A-Za-z0-9-])[RF]-[0-9]+([^A-Za-z0-9-]|$) | what is guarded against

[allow]
lib/*.go | stray | the library calls it so

`

const smallGlossary = "| **unit** | one Kustomization as the engine sees it | object |\n"

func TestCheck(t *testing.T) {
	cases := map[string]struct {
		why, file, text string
		want            []string
	}{
		"Clean":        {why: "what the list does not name is fine", file: "a.go", text: "// Package a is fine.\npackage a\n"},
		"Comment":      {why: "comments are read", file: "a.go", text: "package a\n\n// One.\n// Two strays.\nvar x int\n", want: []string{`a.go:4: "strays": say orphan`}},
		"Name":         {why: "names are cut into words", file: "a.go", text: "package a\n\nvar findStrays int\n", want: []string{`a.go:3: "strays": say orphan`}},
		"Initials":     {why: "initials are one word", file: "a.go", text: "package a\n\ntype HTTPStray struct{}\n", want: []string{`a.go:3: "stray": say orphan`}},
		"Field":        {why: "fields, parameters and short declarations are names, too", file: "a.go", text: "package a\n\nfunc f(stray int) {\n\tfor look := range stray {\n\t\t_ = look\n\t}\n}\n", want: []string{`a.go:3: "stray": say orphan`, `a.go:4: "look": say list`}},
		"Used":         {why: "what a library declares is not ours to name", file: "a.go", text: "package a\n\nimport \"lib\"\n\nvar x = lib.Stray\n"},
		"Import":       {why: "nor is its path", file: "a.go", text: "package a\n\nimport \"lib/stray\"\n\nvar x = stray.X\n"},
		"String":       {why: "strings are read", file: "a.go", text: "package a\n\nvar x = \"two strays\"\n", want: []string{`a.go:3: "strays": say orphan`}},
		"WholeName":    {why: "a word can be bad as a name and good as a part", file: "a.go", text: "package a\n\nfunc markDone() {\n\tmark := 1\n\t_ = mark\n}\n", want: []string{`a.go:4: "mark": say fingerprint`}},
		"ProseOnly":    {why: "a word can be bad in prose only", file: "a.go", text: "package a\n\n// f tells whether it is.\nfunc tells() {}\n", want: []string{`a.go:3: "tells": say reports`}},
		"NameOnly":     {why: "a word can be good in prose", file: "a.go", text: "package a\n\n// Look at it.\n"},
		"Fine":         {why: "a longer form can be fine", file: "a.go", text: "package a\n\nvar lookUp int\n"},
		"Phrase":       {why: "a phrase goes over the end of a line", file: "a.go", text: "package a\n\n// It was held\n// back.\n", want: []string{`a.go:3: "held back": say deferred`}},
		"TwoSentences": {why: "but not over that of a sentence", file: "a.go", text: "package a\n\n// It is held. Back it goes.\n"},
		"Directive":    {why: "what is meant for tools is not prose", file: "a.go", text: "package a\n\n//nolint:strays // it is so\n"},
		"FileName":     {why: "files have names", file: "strays.go", text: "package a\n", want: []string{`strays.go:1: "strays": say orphan`}},
		"Markdown":     {why: "documents are read", file: "docs/a.md", text: "# A\n\nOne stray, [two](strays.md).\n", want: []string{`docs/a.md:3: "stray": say orphan`, `docs/a.md:3: "strays": say orphan`}},
		"Row":          {why: "readers do not have the document", file: "a_test.go", text: "package a\n\n// TestX is row F" + "-3: it is cut.\n", want: []string{`a_test.go:3: "row number": say what is guarded against`}},
		"NoRow":        {why: "names of standards are no rows", file: "a.go", text: "package a\n\n// It is UTF-8, or F" + "-3x, or RFC-7.\n"},
		"Data":         {why: "test data is input", file: "testdata/a.md", text: "strays\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"lib/a.go": "package lib\n\nvar stray int\n", tc.file: tc.text}
			got, err := run(write(t, files))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestExceptions(t *testing.T) {
	cases := map[string]struct {
		why   string
		files map[string]string
		want  []string
	}{
		"Needless": {
			why:  "an exception that leaves out nothing goes",
			want: []string{`tools/words.txt:14: "lib/*.go" leaves out nothing; remove the line`},
		},
		"OtherForm": {
			why:   "an exception is for the forms it names",
			files: map[string]string{"lib/a.go": "package lib\n\nvar stray, strays int\n"},
			want:  []string{`lib/a.go:3: "strays": say orphan`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := run(write(t, tc.files))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Join(got, "\n") != strings.Join(tc.want, "\n") {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"Fields":  {"[words]\nstray | both\n", "2: 2 fields do not fit"},
		"Scope":   {"[words]\nstray | here | orphan\n", "2: the scope is none of"},
		"Section": {"stray | both | orphan\n", "1: 3 fields do not fit"},
		"Pattern": {"[citations]\nrow | ( | x\n", "2: error parsing regexp"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := parse(tc.text); err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q in it", err, tc.want)
			}
		})
	}
}

func TestGlossary(t *testing.T) {
	row := func(word string) string { return "| **" + word + "** | something that is explained here | – |\n" }
	many := ""
	for i := range most + 1 {
		many += row(string(rune('a'+i/26)) + string(rune('a'+i%26)))
	}
	cases := map[string]struct{ why, text, want string }{
		"Good":      {why: "a word, its meaning and the field's word", text: smallGlossary},
		"TooMany":   {why: "nobody learns so many", text: many, want: "31 words of ours"},
		"None":      {why: "an empty table is a broken one", text: "# Glossary\n", want: "0 words of ours"},
		"NoMeaning": {why: "a word is explained", text: "| **unit** | a thing | object |\n", want: `GLOSSARY.md:1: "unit" has no meaning`},
		"TwoCells":  {why: "the field's word is named, or said to be missing", text: "| **unit** | one Kustomization as the engine sees it |\n", want: "three cells"},
		"Twice":     {why: "one meaning each", text: row("unit") + row("unit"), want: `GLOSSARY.md:2: "unit" stands here twice`},
		"Replaced":  {why: "what was replaced is not ours any more", text: row("stray"), want: `"stray" was replaced`},
	}
	l, err := parse(smallList)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := strings.Join(l.glossary(tc.text), "\n")
			if (tc.want == "") != (got == "") || !strings.Contains(got, tc.want) {
				t.Errorf("%s: got %q, want %q in it", tc.why, got, tc.want)
			}
		})
	}
}

// write puts files below a new folder, with the list and a glossary.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	all := map[string]string{listFile: smallList, glossaryFile: smallGlossary}
	maps.Copy(all, files)
	return testtree.Write(t, all)
}
