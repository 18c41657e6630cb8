package artifact

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/fluxcd/pkg/sourceignore/gitignore"
)

const (
	maxIgnoreFileBytes = 1 << 20
	maxIgnorePatterns  = 10_000
)

// Matcher says which paths stay out of an archive.
type Matcher interface {
	// Match reports whether the path, relative to the root, is left out.
	Match(path string, isDir bool) bool
}

// MatcherFunc makes a function a Matcher.
type MatcherFunc func(path string, isDir bool) bool

// Match calls the function.
func (f MatcherFunc) Match(path string, isDir bool) bool { return f(path, isDir) }

// NewMatcher reads the rules for a tree: what belongs to version control, then
// every .sourceignore in its folder, then spec, the last match winning. The
// default rules apply only if neither of the latter two holds a pattern.
func NewMatcher(fsys fs.FS, spec string) (Matcher, error) {
	collected := &ignoreFiles{fsys: fsys}
	if err := fs.WalkDir(fsys, ".", collected.visit); err != nil {
		return nil, fmt.Errorf("reading the ignore rules: %w", err)
	}
	if len(spec) > maxIgnoreFileBytes {
		return nil, fmt.Errorf("reading the ignore rules: %w: spec.ignore has more than %d bytes", ErrLimit, maxIgnoreFileBytes)
	}
	own := append(collected.patterns, parsePatterns(spec, nil)...)
	if len(own) > maxIgnorePatterns {
		return nil, fmt.Errorf("reading the ignore rules: %w: more than %d patterns", ErrLimit, maxIgnorePatterns)
	}
	if len(own) == 0 {
		own = sourceignore.DefaultPatterns(nil)
	}
	matcher := gitignore.NewMatcher(append(sourceignore.VCSPatterns(nil), own...))
	return MatcherFunc(func(p string, isDir bool) bool {
		return p != "." && matcher.Match(strings.Split(p, "/"), isDir)
	}), nil
}

// ignoreFiles collects patterns on a walk.
type ignoreFiles struct {
	fsys     fs.FS
	patterns []gitignore.Pattern
	seen     int
}

func (c *ignoreFiles) visit(p string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if c.seen++; c.seen > DefaultMaxFiles {
		return fmt.Errorf("%w: more than %d files and folders", ErrLimit, DefaultMaxFiles)
	}
	if d.IsDir() {
		if d.Name() == ".git" || !packable(p) {
			return fs.SkipDir
		}
		return nil
	}
	if d.Name() != sourceignore.IgnoreFile || !d.Type().IsRegular() {
		return nil
	}
	text, err := readLimited(c.fsys, p, maxIgnoreFileBytes)
	if err != nil {
		return err
	}
	var domain []string
	if dir := path.Dir(p); dir != "." {
		domain = strings.Split(dir, "/")
	}
	c.patterns = append(c.patterns, parsePatterns(text, domain)...)
	if len(c.patterns) > maxIgnorePatterns {
		return fmt.Errorf("%w: more than %d patterns", ErrLimit, maxIgnorePatterns)
	}
	return nil
}

func readLimited(fsys fs.FS, p string, limit int64) (text string, err error) {
	f, err := fsys.Open(p)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	content, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return "", err
	}
	if int64(len(content)) > limit {
		return "", fmt.Errorf("%w: %s has more than %d bytes", ErrLimit, p, limit)
	}
	return string(content), nil
}

// parsePatterns reads one pattern a line; comments and blank lines are none.
func parsePatterns(text string, domain []string) []gitignore.Pattern {
	var out []gitignore.Pattern
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		if strings.TrimSpace(line) != "" && !strings.HasPrefix(line, "#") {
			out = append(out, gitignore.ParsePattern(line, domain))
		}
	}
	return out
}
