package main

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// screen prints a transcript: sections with a title, and below each a line per thing that happened, with the time since
// the beginning. Several may print at the same time.
type screen struct {
	began time.Time

	mu   sync.Mutex
	out  io.Writer
	last map[string]string
}

func newScreen(out io.Writer) *screen {
	return &screen{out: out, began: time.Now(), last: map[string]string{}}
}

func (s *screen) title(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = fmt.Fprintf(s.out, "\n%s\n", text)
}

func (s *screen) print(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = io.WriteString(s.out, text)
}

// line prints that something happened.
func (s *screen) line(what, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.write(what, text)
}

// state prints how something is, if that is new.
func (s *screen) state(what, of, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if text == "" || s.last[of] == text {
		return
	}
	s.last[of] = text
	s.write(what, text)
}

func (s *screen) write(what, text string) {
	text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n                     ")
	_, _ = fmt.Fprintf(s.out, "%7.1fs  %-9s  %s\n", time.Since(s.began).Seconds(), what, text)
}

// section returns a writer that prints each line as something that happened.
func (s *screen) section(what string) io.Writer { return &section{screen: s, what: what} }

type section struct {
	screen *screen
	what   string
	rest   []byte
}

// Write implements io.Writer.
func (s *section) Write(p []byte) (int, error) {
	s.rest = append(s.rest, p...)
	for {
		line, rest, found := bytes.Cut(s.rest, []byte("\n"))
		if !found {
			return len(p), nil
		}
		s.screen.line(s.what, string(line))
		s.rest = rest
	}
}
