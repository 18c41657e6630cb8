// Package stages holds what kwok plays on nodes and pods: nodes become ready, pods run, finish and go away at once, and a
// container whose image carries one of the tags below behaves badly in the way that the tag says.
package stages

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
)

// Tags of images that change what a container does. Every other container becomes ready, and completes if its pod is
// not restarted always.
const (
	// TagBadPull never gets its image: the container waits with ImagePullBackOff.
	TagBadPull = "bad-pull"
	// TagCrash ends with an error again and again: the container waits with CrashLoopBackOff, its restarts counted.
	TagCrash = "crash"
	// TagNeverReady runs, but does not become ready and does not complete.
	TagNeverReady = "never-ready"
	// TagFail runs and ends with an error: a pod that is not restarted always fails, any other crashes in a loop.
	TagFail = "fail"
)

//go:embed *.yaml
var files embed.FS

// Config returns the configuration of kwok as one YAML stream.
func Config() ([]byte, error) {
	names, err := fs.Glob(files, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("listing stages: %w", err)
	}
	var stream bytes.Buffer
	for _, name := range names {
		content, err := files.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("reading stage: %w", err)
		}
		stream.WriteString("---\n")
		stream.Write(content)
	}
	return stream.Bytes(), nil
}
