package gitserver

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Repository is a bare repository of a server.
type Repository struct {
	server *Server
	name   string
	dir    string
}

// Change is what a commit does.
type Change struct {
	// Branch to commit to; main if empty.
	Branch string
	// Files are written, by path.
	Files map[string]string
	// Executables are written with the execute bit, by path.
	Executables map[string]string
	// Links are symbolic links, path to target.
	Links map[string]string
	// Submodules are commits of other repositories, by path.
	Submodules map[string]string
	// Delete removes files and folders.
	Delete []string
	// DeleteAll empties the tree before the rest is done.
	DeleteAll bool
	// Amend replaces the tip instead of building on it.
	Amend bool
	// Orphan starts a history unrelated to the tip.
	Orphan bool
	// Message of the commit.
	Message string
	// When is author and committer date; the server's clock if zero.
	When time.Time
}

// CreateRepository makes an empty repository; name may contain slashes.
func (s *Server) CreateRepository(ctx context.Context, name string) (*Repository, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("creating repository %q: the name leaves the root", name)
	}
	r := &Repository{server: s, name: name, dir: filepath.Join(s.root, filepath.FromSlash(name)+".git")}
	if err := os.MkdirAll(r.dir, 0o750); err != nil {
		return nil, fmt.Errorf("creating repository %q: %w", name, err)
	}
	if _, err := r.run(ctx, nil, "init", "--quiet", "--bare", "--initial-branch=main", r.dir); err != nil {
		return nil, err
	}
	if !s.options.AllowAnySHA {
		return r, nil
	}
	return r, r.Configure(ctx, "uploadpack.allowReachableSHA1InWant", "true")
}

// Configure sets a key of the repository's own configuration.
func (r *Repository) Configure(ctx context.Context, key, value string) error {
	_, err := r.run(ctx, nil, "config", key, value)
	return err
}

// URL is where clients find the repository.
func (r *Repository) URL() string { return r.server.BaseURL() + "/" + r.name + ".git" }

// Dir is the folder of the bare repository.
func (r *Repository) Dir() string { return r.dir }

// Commit writes files to main and returns the hash of the commit.
func (r *Repository) Commit(ctx context.Context, files map[string]string, message string) (string, error) {
	return r.Apply(ctx, Change{Files: files, Message: message})
}

// Amend replaces the tip of main by one with these files written.
func (r *Repository) Amend(ctx context.Context, files map[string]string, message string) (string, error) {
	return r.Apply(ctx, Change{Files: files, Message: message, Amend: true})
}

// Delete removes files from main and returns the hash of the commit.
func (r *Repository) Delete(ctx context.Context, message string, paths ...string) (string, error) {
	return r.Apply(ctx, Change{Delete: paths, Message: message})
}

// Apply makes one commit and returns its hash.
func (r *Repository) Apply(ctx context.Context, c Change) (string, error) {
	branch := "refs/heads/" + cmp.Or(c.Branch, "main")
	when := c.When
	if when.IsZero() {
		when = r.server.options.Clock.Now()
	}
	var script bytes.Buffer
	fmt.Fprintf(&script, "commit %s\ncommitter Capstan Test <test@example.com> %d +0000\n", branch, when.Unix())
	writeData(&script, c.Message)
	if err := r.writeParent(ctx, &script, branch, c); err != nil {
		return "", err
	}
	writeTree(&script, c)
	if _, err := r.run(ctx, script.Bytes(), "fast-import", "--quiet", "--force", "--date-format=raw"); err != nil {
		return "", err
	}
	return r.Resolve(ctx, branch)
}

// writeParent says what the commit builds on.
func (r *Repository) writeParent(ctx context.Context, script *bytes.Buffer, branch string, c Change) error {
	tip, err := r.Resolve(ctx, branch)
	if err != nil || c.Orphan {
		// fast-import takes the tip of an existing branch as parent unless the
		// branch is reset first.
		if err == nil {
			prefix := fmt.Sprintf("reset %s\nfrom %s\n\n", branch, strings.Repeat("0", 40))
			rest := script.String()
			script.Reset()
			script.WriteString(prefix + rest)
		}
		return nil
	}
	if !c.Amend {
		fmt.Fprintf(script, "from %s\n", tip)
		return nil
	}
	tree, err := r.Resolve(ctx, tip+"^{tree}")
	if err != nil {
		return err
	}
	parent, err := r.Resolve(ctx, tip+"^")
	if err != nil {
		parent = strings.Repeat("0", 40)
		prefix := fmt.Sprintf("reset %s\nfrom %s\n\n", branch, parent)
		rest := script.String()
		script.Reset()
		script.WriteString(prefix + rest)
	} else {
		fmt.Fprintf(script, "from %s\n", parent)
	}
	fmt.Fprintf(script, "M 040000 %s \"\"\n", tree)
	return nil
}

// writeTree writes what the commit does to the tree.
func writeTree(script *bytes.Buffer, c Change) {
	if c.DeleteAll {
		script.WriteString("deleteall\n")
	}
	for _, path := range c.Delete {
		fmt.Fprintf(script, "D %s\n", quote(path))
	}
	for mode, files := range map[string]map[string]string{"100644": c.Files, "100755": c.Executables, "120000": c.Links} {
		for _, path := range slices.Sorted(maps.Keys(files)) {
			fmt.Fprintf(script, "M %s inline %s\n", mode, quote(path))
			writeData(script, files[path])
		}
	}
	for path, commit := range c.Submodules {
		fmt.Fprintf(script, "M 160000 %s %s\n", commit, quote(path))
	}
	script.WriteString("\n")
}

func writeData(script *bytes.Buffer, data string) {
	fmt.Fprintf(script, "data %d\n%s\n", len(data), data)
}

// quote writes a path the way fast-import reads any path.
func quote(path string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(path) + `"`
}

// Resolve returns the hash a revision expression stands for.
func (r *Repository) Resolve(ctx context.Context, expression string) (string, error) {
	return r.run(ctx, nil, "rev-parse", "--verify", "--quiet", "--end-of-options", expression)
}

// Tag makes a lightweight tag.
func (r *Repository) Tag(ctx context.Context, name, target string) error {
	return r.SetReference(ctx, "refs/tags/"+name, target)
}

// AnnotatedTag makes a tag object and returns its hash.
func (r *Repository) AnnotatedTag(ctx context.Context, name, target, message string) (string, error) {
	hash, err := r.Resolve(ctx, target)
	if err != nil {
		return "", err
	}
	kind, err := r.run(ctx, nil, "cat-file", "-t", hash)
	if err != nil {
		return "", err
	}
	body := fmt.Sprintf("object %s\ntype %s\ntag %s\ntagger Capstan Test <test@example.com> %d +0000\n\n%s\n",
		hash, kind, name, r.server.options.Clock.Now().Unix(), message)
	tag, err := r.WriteObject(ctx, "tag", []byte(body))
	if err != nil {
		return "", err
	}
	return tag, r.Tag(ctx, name, tag)
}

// Branch makes a branch at a target.
func (r *Repository) Branch(ctx context.Context, name, target string) error {
	return r.SetReference(ctx, "refs/heads/"+name, target)
}

// SetReference points any reference, for example refs/pull/1/head, at a target.
func (r *Repository) SetReference(ctx context.Context, name, target string) error {
	_, err := r.run(ctx, nil, "update-ref", name, target)
	return err
}

// DeleteReference removes a reference.
func (r *Repository) DeleteReference(ctx context.Context, name string) error {
	_, err := r.run(ctx, nil, "update-ref", "-d", name)
	return err
}

// WriteObject stores an object without any check of its content, so that
// hostile repositories can be made.
func (r *Repository) WriteObject(ctx context.Context, kind string, content []byte) (string, error) {
	return r.run(ctx, content, "hash-object", "-t", kind, "-w", "--literally", "--stdin")
}

// run runs git in the repository and returns its trimmed output.
func (r *Repository) run(ctx context.Context, stdin []byte, args ...string) (string, error) {
	cmd := r.server.command(ctx, r.dir, args...)
	cmd.Stdin = bytes.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("running git %s: %w", args[0], errors.Join(err, errors.New(strings.TrimSpace(stderr.String()))))
	}
	return strings.TrimSpace(stdout.String()), nil
}
