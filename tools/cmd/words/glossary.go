package main

import (
	"fmt"
	"strings"
)

// most is how many words of our own a reader can be asked to learn.
const most = 30

// glossary returns what is wrong with the table of our own words: | word | meaning | the field's word |.
func (l *list) glossary(text string) []string {
	var out []string
	words := map[string]bool{}
	for i, line := range strings.Split(text, "\n") {
		if !strings.HasPrefix(line, "| **") {
			continue
		}
		say := func(what string) { out = append(out, fmt.Sprintf("%s:%d: %s", glossaryFile, i+1, what)) }
		cells := strings.Split(strings.Trim(line, "| "), " | ")
		word := strings.ToLower(strings.Trim(cells[0], "* "))
		switch {
		case len(cells) != 3:
			say("a row has three cells: the word, its meaning, the field's word or a dash")
		case len(strings.Fields(cells[1])) < 4:
			say(fmt.Sprintf("%q has no meaning that explains it", word))
		case words[word]:
			say(fmt.Sprintf("%q stands here twice", word))
		case l.replaced(word):
			say(fmt.Sprintf("%q was replaced by another word, see %s", word, listFile))
		}
		words[word] = true
	}
	if len(words) == 0 || len(words) > most {
		out = append(out, fmt.Sprintf("%s: %d words of ours, at least 1, at most %d", glossaryFile, len(words), most))
	}
	return out
}

func (l *list) replaced(word string) bool {
	p := piece{text: word}
	tokens := p.tokens()
	if len(tokens) == 0 {
		return false
	}
	f := l.match(tokens)
	return f != nil && f.instead != fine
}
