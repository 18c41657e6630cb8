package tree

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/filemode"
	"github.com/go-git/go-git/v5/plumbing/object"
)

// checkEntry refuses the names with which a tree could reach, on some file
// system, what is not its own: the parent, the repository's own folder in any
// of its spellings, or a second path.
func checkEntry(e object.TreeEntry) error {
	switch {
	case e.Name == "" || e.Name == "." || e.Name == "..":
		return fmt.Errorf("the tree holds an entry named %q", e.Name)
	case strings.ContainsAny(e.Name, "/\x00"):
		return fmt.Errorf("the tree holds the entry %q, whose name is a path", e.Name)
	case isDotGit(e.Name):
		return fmt.Errorf("the tree holds the entry %q, which some file systems take for .git", e.Name)
	case e.Mode == filemode.Symlink && foldHFS(e.Name) == ".gitmodules":
		return fmt.Errorf("the tree holds %q as a symbolic link", e.Name)
	}
	return nil
}

// isDotGit knows the spellings of .git: other case, trailing dots and spaces
// and alternate data streams (NTFS), the short name git~1 (NTFS), and
// characters that HFS+ ignores.
func isDotGit(name string) bool {
	stem, _, _ := strings.Cut(name, ":")
	stem = strings.ToLower(strings.TrimRight(stem, " ."))
	if stem == ".git" || stem == "git~1" {
		return true
	}
	for part := range strings.SplitSeq(name, `\`) {
		if trimmed := strings.ToLower(strings.TrimRight(part, " .")); trimmed == ".git" || trimmed == "git~1" || part == ".." {
			return true
		}
	}
	return foldHFS(name) == ".git"
}

// foldHFS lowers the case and drops the characters that HFS+ does not see.
func foldHFS(name string) string {
	if !utf8.ValidString(name) {
		return name
	}
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name))
}
