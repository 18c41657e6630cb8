package world

import (
	"bytes"
	"fmt"
	"os"
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
