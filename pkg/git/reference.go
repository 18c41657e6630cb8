package git

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/go-git/go-git/v5/plumbing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/revision"
)

const (
	defaultBranch = "master"
	headsPrefix   = "refs/heads/"
	tagsPrefix    = "refs/tags/"
	peeledSuffix  = "^{}"
	maxNameLength = 1024
	hashAlgorithm = "sha1"
	hexHashLength = 40
	// hexHashLength256 is how long hashes of SHA-256 repositories are.
	hexHashLength256 = 64
	maxTiedTags      = 32
	subjectMaximum   = 256
)

// Reference is what a user asks for. Of several fields the first of commit,
// name, tag, semver and branch counts; none means the branch master.
type Reference struct {
	// Branch is the short name of a branch. Beside Commit it says where the
	// commit is to be found.
	Branch string
	// Tag is the short name of a tag.
	Tag string
	// SemVer is a range; the tag with the highest version in it is meant.
	SemVer string
	// Name is a full reference, for example refs/pull/1/head.
	Name string
	// Commit is the full hash of a commit.
	Commit string
}

// Resolved is what a reference stood for when it was resolved.
type Resolved struct {
	// Commit is the hash of the commit.
	Commit string
	// Reference is the full name it was found under; empty for a commit alone.
	Reference string
	// Revision is what status and events show.
	Revision revision.Revision

	// want is the object to ask for: the tag object of an annotated tag.
	want plumbing.Hash
	// pinned targets were named by their hash and not looked up.
	pinned bool
	// base and caps are what the server said when the target was resolved.
	base string
	caps capabilities
}

// resolvePinned is the target of a commit named by its hash.
func (r Reference) resolvePinned() (Resolved, error) {
	if len(r.Commit) == hexHashLength256 && isHex(r.Commit) {
		return Resolved{}, malformed("commit %q is a SHA-256 hash; %w", r.Commit, errSHA256)
	}
	if len(r.Commit) != hexHashLength || !plumbing.IsHash(r.Commit) {
		return Resolved{}, malformed("commit %q is not a hash of %d hexadecimal digits", r.Commit, hexHashLength)
	}
	commit := strings.ToLower(r.Commit)
	t := Resolved{Commit: commit, want: plumbing.NewHash(commit), pinned: true}
	shown := ""
	switch {
	case r.Name != "":
		shown = strings.TrimSuffix(r.Name, peeledSuffix)
		t.Reference = shown
	case r.Branch != "":
		shown, t.Reference = r.Branch, headsPrefix+r.Branch
	}
	if t.Reference != "" {
		if err := checkName(t.Reference); err != nil {
			return Resolved{}, err
		}
	}
	t.Revision = revision.New(shown, hashAlgorithm, commit)
	return t, nil
}

// lookup is what to search an advertisement for: one full name, or a range.
type lookup struct {
	name   string
	shown  string
	ranges *semver.Constraints
	// implied says that the user named nothing.
	implied bool
}

func (r Reference) lookup() (lookup, error) {
	switch {
	case r.Name != "":
		name := strings.TrimSuffix(r.Name, peeledSuffix)
		if !strings.HasPrefix(name, "refs/") {
			return lookup{}, malformed("name %q is not a full reference that starts with refs/", r.Name)
		}
		return lookup{name: name, shown: name}, checkName(name)
	case r.Tag != "":
		return lookup{name: tagsPrefix + r.Tag, shown: r.Tag}, checkName(tagsPrefix + r.Tag)
	case r.SemVer != "":
		ranges, err := semver.NewConstraint(r.SemVer)
		if err != nil || len(r.SemVer) > maxNameLength {
			return lookup{}, malformed("semver %q is not a range of versions", r.SemVer)
		}
		return lookup{ranges: ranges, shown: r.SemVer}, nil
	}
	if r.Branch == "" {
		return lookup{name: headsPrefix + defaultBranch, shown: defaultBranch, implied: true}, nil
	}
	return lookup{name: headsPrefix + r.Branch, shown: r.Branch}, checkName(headsPrefix + r.Branch)
}

// String says in words what is looked for.
func (l lookup) String() string {
	switch {
	case l.ranges != nil:
		return fmt.Sprintf("tag in the range %q", l.shown)
	case strings.HasPrefix(l.name, headsPrefix):
		return fmt.Sprintf("branch %q", strings.TrimPrefix(l.name, headsPrefix))
	case strings.HasPrefix(l.name, tagsPrefix):
		return fmt.Sprintf("tag %q", strings.TrimPrefix(l.name, tagsPrefix))
	}
	return fmt.Sprintf("reference %q", l.name)
}

// checkName applies git's rules for names of references, so that what is asked
// for cannot be anything but a name.
func checkName(name string) error {
	bad := len(name) > maxNameLength || strings.HasSuffix(name, ".") || strings.HasSuffix(name, "/") ||
		strings.Contains(name, "..") || strings.Contains(name, "//") || strings.Contains(name, "@{") ||
		strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("~^:?*[\\", r) })
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || part == "" || strings.HasPrefix(part, ".") || strings.HasSuffix(part, ".lock")
	}
	if bad {
		return malformed("%q is not a valid name of a reference", name[:min(len(name), 100)])
	}
	return nil
}

func malformed(format string, args ...any) error {
	return fault.Retry(meta.ReasonGitOperationFailed,
		fmt.Errorf("reading the reference: %w", fmt.Errorf(format, args...)),
		fault.Hint("correct spec.ref"))
}

// isHex reports whether a text is made of hexadecimal digits.
func isHex(text string) bool {
	_, err := hex.DecodeString(text)
	return err == nil
}

// errSHA256 says that a repository names its objects in a way that is not understood.
var errSHA256 = errors.New("the repository uses SHA-256 objects, which this version does not read")

// errNotAdvertised says that the server does not hand out an object.
var errNotAdvertised = errors.New("the server does not hand out this commit by its hash")
