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

	// maxLeftOut is how many paths a message names, maxLeftOutPath how much of each.
	maxLeftOut     = 3
	maxLeftOutPath = 80
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

// LeftOut counts the paths that were not packed because of their names.
type LeftOut struct {
	// Count of the paths; what is below a folder is not counted.
	Count int
	// First are some of them, shortened and quoted.
	First []string
}

func (l *LeftOut) add(name string) {
	l.Count++
	if len(l.First) == maxLeftOut {
		return
	}
	if len(name) > maxLeftOutPath {
		l.First = append(l.First, fmt.Sprintf("%q…", name[:maxLeftOutPath]))
		return
	}
	l.First = append(l.First, fmt.Sprintf("%q", name))
}

// String says what was left out, and what to do about it.
func (l LeftOut) String() string {
	text := fmt.Sprintf("left out of the artifact, because their names are too long, not UTF-8, or hold a backslash or a control character: %s",
		strings.Join(l.First, ", "))
	if more := l.Count - len(l.First); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "; rename them, or name them in .sourceignore"
}
