// Package leftout says what of a tree is not in its archive, in a message whose length does
// not depend on the tree.
package leftout

import (
	"fmt"
	"strings"
)

const (
	// maxNamed is how many paths a message names, maxPath how much of each in bytes.
	maxNamed = 3
	maxPath  = 80
)

// Paths counts those that were not packed because of their names.
type Paths struct {
	// Count of the paths; what is below a folder is not counted.
	Count int
	// First are some of them, shortened and quoted.
	First []string
}

// Add counts a path.
func (l *Paths) Add(name string) {
	l.Count++
	if len(l.First) == maxNamed {
		return
	}
	if len(name) > maxPath {
		l.First = append(l.First, fmt.Sprintf("%q…", name[:maxPath]))
		return
	}
	l.First = append(l.First, fmt.Sprintf("%q", name))
}

// String says what was left out, and what to do about it.
func (l Paths) String() string {
	text := fmt.Sprintf("left out of the artifact, because their names are too long, not UTF-8, or hold a backslash or a control character: %s",
		strings.Join(l.First, ", "))
	if more := l.Count - len(l.First); more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text + "; rename them, or name them in .sourceignore"
}
