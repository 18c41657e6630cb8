package git

import (
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

const (
	// maxNearby is how many branches a message names.
	maxNearby = 5
	// maxNearbyName is how much of a name of somebody else it shows, in characters.
	maxNearbyName = 60
)

// nearby collects, while a list of references passes, what helps a reader whose own is
// not in it.
type nearby struct {
	wanted lookup
	// branches are the first ones listed; more says that there are others.
	branches []string
	more     bool
	// alike is a reference that somebody may have meant.
	alike string
	// highest is the highest version, in the range or not.
	highest *semver.Version
}

func (n *nearby) see(name string) {
	if branch, ok := strings.CutPrefix(name, headsPrefix); ok {
		if n.more = len(n.branches) == maxNearby; !n.more {
			n.branches = append(n.branches, branch)
		}
	}
	switch {
	case n.wanted.ranges != nil:
		if v, ok := versionOf(name); ok && (n.highest == nil || n.highest.LessThan(v)) {
			n.highest = v
		}
	case name == n.wanted.name:
	case isAlike(name, n.wanted.name):
		n.alike = name
	}
}

// isAlike reports whether two references have the same short name, or tags of the same
// version.
func isAlike(a, b string) bool {
	short := func(name string) string {
		name = strings.TrimPrefix(strings.TrimPrefix(name, headsPrefix), tagsPrefix)
		return strings.TrimPrefix(strings.ToLower(name), "v")
	}
	return strings.HasPrefix(a, "refs/") && short(a) == short(b)
}

// hint says what to do about a reference that is not listed. head is what the server
// says that its HEAD is.
func (n *nearby) hint(head string) string {
	var parts []string
	if n.wanted.implied {
		parts = append(parts, fmt.Sprintf("spec.ref is not set, which means the branch %q", n.wanted.shown))
	}
	switch {
	case n.alike != "":
		parts = append(parts, fmt.Sprintf("there is %s", lookup{name: n.alike}))
	case n.wanted.ranges != nil && n.highest != nil:
		parts = append(parts, fmt.Sprintf("the highest version is %q", nearbyName(n.highest.Original())))
	case n.wanted.ranges != nil:
		parts = append(parts, "no tag is a version of three parts, as 1.2.3")
	}
	if strings.HasPrefix(n.wanted.name, headsPrefix) {
		parts = append(parts, n.listed(head))
	}
	field := "check spec.ref"
	if n.wanted.implied {
		field = "set spec.ref.branch"
	}
	return strings.Join(append(parts, field), "; ")
}

// listed names the default branch, and others.
func (n *nearby) listed(head string) string {
	var names []string
	if branch, ok := strings.CutPrefix(head, headsPrefix); ok && branch != n.wanted.shown {
		names = append(names, fmt.Sprintf("%q, its default", nearbyName(branch)))
	}
	for _, branch := range n.branches {
		if headsPrefix+branch != head {
			names = append(names, fmt.Sprintf("%q", nearbyName(branch)))
		}
	}
	if len(names) == 0 {
		return "the repository has no branches"
	}
	more := n.more || len(names) > maxNearby
	text := "the repository has the branches " + strings.Join(names[:min(len(names), maxNearby)], ", ")
	if more {
		text += " and others"
	}
	return text
}

// nearbyName makes a name that others gave fit for a message.
func nearbyName(name string) string {
	name = presentable(name)
	if runes := []rune(name); len(runes) > maxNearbyName {
		return string(runes[:maxNearbyName]) + "…"
	}
	return name
}
