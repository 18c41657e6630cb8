package artifact

import (
	"fmt"
	"io/fs"
	"path"
	"strings"
	"unicode"
)

const (
	maxPathLength = 4096
	maxPathDepth  = 256
	// maxNameLength is the longest name of a file on the usual file systems, in bytes.
	maxNameLength = 255
)

// checkPath refuses names that no consumer would unpack. It is the same rule
// on both sides, so what can be packed can be read.
func checkPath(name string) error {
	switch {
	case len(name) > maxPathLength || strings.Count(name, "/") >= maxPathDepth:
		return fmt.Errorf("the path %.80q… is longer than %d bytes or deeper than %d folders", name, maxPathLength, maxPathDepth)
	case strings.Contains(name, `\`):
		return fmt.Errorf("the path %q contains a backslash", name)
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("the path %q contains a control character", name)
	case !fs.ValidPath(name):
		return fmt.Errorf("the path %q is absolute, leads upwards or is not UTF-8", name)
	}
	return nil
}

// packable reports whether a path goes into an archive. It has to be one that can be
// read, also by consumers that unpack to a disk.
func packable(name string) bool {
	return checkPath(name) == nil && len(path.Base(name)) <= maxNameLength
}
