package world

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLog bounds how much of the end of a log is read.
const maxLog = 4 << 20

// Log returns the last lines of a controller's log that contain a text, for example the name of a namespace.
func (w *World) Log(c Controller, containing string, lines int) string {
	content, err := end(w.LogFile(c))
	if err != nil {
		return err.Error()
	}
	var found []string
	for line := range strings.Lines(string(content)) {
		if strings.Contains(line, containing) {
			found = append(found, strings.TrimSuffix(line, "\n"))
		}
	}
	return strings.Join(found[max(0, len(found)-lines):], "\n")
}

// FilesWith returns the files of our controllers, logs among them, that contain a text. What is compressed is not looked into.
func (w *World) FilesWith(text string) ([]string, error) {
	var found []string
	visit := func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Type().IsRegular() {
			var content []byte
			if content, err = os.ReadFile(path); bytes.Contains(content, []byte(text)) {
				found = append(found, path)
			}
		}
		if errors.Is(err, fs.ErrNotExist) { // A controller that runs removes what it does not need any more.
			return nil
		}
		return err
	}
	for _, c := range Controllers() {
		for _, path := range []string{filepath.Join(w.dir, string(c)), w.LogFile(c)} {
			if err := filepath.WalkDir(path, visit); err != nil {
				return nil, fmt.Errorf("looking into the files of %s: %w", c, err)
			}
		}
	}
	return found, nil
}

func tail(path string, lines int) string {
	content, err := end(path)
	if err != nil {
		return err.Error()
	}
	all := strings.Split(strings.TrimSpace(string(content)), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func end(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading a log: %w", err)
	}
	if len(content) <= maxLog {
		return content, nil
	}
	content = content[len(content)-maxLog:]
	return content[bytes.IndexByte(content, '\n')+1:], nil
}
