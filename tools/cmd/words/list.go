package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// list is tools/words.txt as values.
type list struct {
	// names and prose hold the forms, a phrase as words with a blank between, by their first word.
	names, prose map[string][]*form
	citations    []citation
	allowed      []*exception
}

// fine is said instead of what may be said.
const fine = "ok"

// form is one form of a replaced word.
type form struct {
	text    string
	words   []string
	whole   bool // it is all of a name
	instead string
}

// citation is a kind of number that readers cannot look up.
type citation struct {
	name, instead string
	expr          *regexp.Regexp
}

// exception leaves something out in files: some forms, or everything if forms is nil.
type exception struct {
	line  int
	files *regexp.Regexp
	text  string
	forms []string
	used  bool
}

// parse reads a list. Errors begin with the number of the line.
func parse(text string) (*list, error) {
	l := &list{names: map[string][]*form{}, prose: map[string][]*form{}}
	section := ""
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '[' {
			section = line
			continue
		}
		fields := strings.Split(line, " | ")
		for i := range fields {
			fields[i] = strings.TrimSpace(fields[i])
		}
		if err := l.add(section, i+1, fields); err != nil {
			return nil, fmt.Errorf("%d: %w", i+1, err)
		}
	}
	return l, nil
}

func (l *list) add(section string, line int, fields []string) error {
	switch {
	case section == "[words]" && len(fields) == 3:
		return l.word(fields[0], fields[1], fields[2])
	case section == "[citations]" && len(fields) == 3:
		expr, err := regexp.Compile(fields[1])
		l.citations = append(l.citations, citation{name: fields[0], expr: expr, instead: fields[2]})
		return err
	case section == "[allow]" && len(fields) == 3:
		forms := split(fields[1])
		if fields[1] == "*" {
			forms = nil
		}
		l.allowed = append(l.allowed, newException(line, fields[0], forms))
		return nil
	}
	return fmt.Errorf("%d fields do not fit the section %q", len(fields), section)
}

func (l *list) word(forms, scope, instead string) error {
	for _, text := range split(forms) {
		bare, whole := strings.CutPrefix(text, "=")
		f := &form{text: bare, words: strings.Fields(bare), whole: whole, instead: instead}
		switch scope {
		case "name":
			l.names[f.words[0]] = append(l.names[f.words[0]], f)
		case "prose":
			l.prose[f.words[0]] = append(l.prose[f.words[0]], f)
		case "both":
			l.names[f.words[0]] = append(l.names[f.words[0]], f)
			l.prose[f.words[0]] = append(l.prose[f.words[0]], f)
		default:
			return errors.New("the scope is none of name, prose and both")
		}
	}
	return nil
}

func split(text string) []string {
	var out []string
	for _, one := range strings.Split(text, ",") {
		if one = strings.TrimSpace(one); one != "" {
			out = append(out, one)
		}
	}
	return out
}

// newException reads a pattern of files: a star stands for anything within one element of the path, "/..." at the end for
// everything below a folder.
func newException(line int, pattern string, forms []string) *exception {
	base, below := strings.CutSuffix(pattern, "/...")
	expr := "^" + strings.ReplaceAll(regexp.QuoteMeta(base), `\*`, "[^/]*")
	if below {
		expr += "/.*"
	}
	return &exception{line: line, text: pattern, forms: forms, files: regexp.MustCompile(expr + "$")}
}
