// Command testrun runs the tests of several modules, one after the other, and
// closes with one summary: how many passed, failed and were skipped, and where.
//
// Usage: testrun [-live] FOLDER...; -live shows the output of tests while they run.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// timeout is how long the tests of one package may take.
const timeout = "20m"

func main() {
	live := flag.Bool("live", false, "show the output of tests while they run")
	flag.Parse()
	if flag.NArg() == 0 {
		fmt.Fprintln(os.Stderr, "usage: testrun [-live] FOLDER...")
		os.Exit(2)
	}
	s := &summary{out: os.Stdout, live: *live, output: map[string][]string{}}
	start := time.Now()
	var table []string
	ok := true
	for _, folder := range flag.Args() {
		began, before := time.Now(), s.passed
		err := run(folder, s)
		verdict := "ok"
		if err != nil {
			verdict, ok = "FAIL: "+err.Error(), false
		}
		table = append(table, fmt.Sprintf("  %-26s%5d passed %8s  %s",
			filepath.Base(folder), s.passed-before, time.Since(began).Round(time.Second), verdict))
	}
	fmt.Printf("\nTests by module, %s in all:\n%s\n", time.Since(start).Round(time.Second), strings.Join(table, "\n"))
	for _, name := range s.failures {
		fmt.Println("  failed:", name)
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", s.passed, s.failed, s.skipped)
	if !ok || s.passed == 0 {
		os.Exit(1)
	}
}

// run runs the tests of one module. The tools stay outside the workspace.
func run(folder string, s *summary) error {
	cmd := exec.Command("go", "test", "-json", "-timeout", timeout, "./...")
	cmd.Dir, cmd.Env = folder, os.Environ()
	if filepath.Base(folder) == "tools" {
		cmd.Env = append(cmd.Env, "GOWORK=off")
	}
	cmd.Stderr = os.Stderr
	stream, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("making a pipe: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting go test: %w", err)
	}
	readErr := s.read(stream)
	if err := cmd.Wait(); err != nil {
		return err
	}
	return readErr
}

// event is a line of go test -json.
type event struct {
	Action, Package, Test, Output, ImportPath string
	Elapsed                                   float64
}

// summary collects what the tests of all modules did.
type summary struct {
	out                     io.Writer
	live                    bool
	passed, failed, skipped int
	failures                []string
	// output of what still runs, by package and test.
	output map[string][]string
}

func (s *summary) read(r io.Reader) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			s.line(line)
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading the output of go test: %w", err)
		}
	}
}

func (s *summary) line(line []byte) {
	var e event
	if err := json.Unmarshal(line, &e); err != nil {
		_, _ = s.out.Write(line) // not an event: what a tool prints by itself
		return
	}
	key := e.Package + " " + e.Test
	switch e.Action {
	case "output", "build-output":
		if s.live || e.Action == "build-output" {
			_, _ = io.WriteString(s.out, e.Output)
			return
		}
		s.output[key] = append(s.output[key], e.Output)
	case "pass", "fail", "skip":
		s.end(e, key)
	}
}

// end counts a test that ended; of a package it prints a line.
func (s *summary) end(e event, key string) {
	defer delete(s.output, key)
	if e.Test == "" {
		if e.Action != "skip" {
			_, _ = fmt.Fprintf(s.out, "%-5s %s (%.1fs)\n", e.Action, e.Package, e.Elapsed)
		}
		if e.Action == "fail" {
			s.dump(key)
		}
		return
	}
	switch e.Action {
	case "pass":
		s.passed++
	case "skip":
		s.skipped++
	case "fail":
		s.failed++
		s.failures = append(s.failures, key)
		s.dump(key)
	}
}

func (s *summary) dump(key string) {
	for _, text := range s.output[key] {
		_, _ = io.WriteString(s.out, text)
	}
}
