package remotebase

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
)

// Options shape a Fetcher. A zero field takes its default.
type Options struct {
	// Egress is how connections are dialled.
	Egress egress.Options
	// TempDir holds packs too large for memory; the system's if empty.
	TempDir string
	// FileBytes bounds a single file; 10 MiB.
	FileBytes int64
	// PackBytes bounds what is received for one commit; 256 MiB.
	PackBytes int64
	// Trees and HeldBytes bound the trees that are held for the next build: 32,
	// and 512 MiB of packs, most of them on disk. Trees in use count, but are never
	// released.
	Trees     int
	HeldBytes int64
}

const (
	defaultFileBytes = 10 << 20
	defaultPackBytes = 256 << 20
	defaultTrees     = 32
	defaultHeldBytes = 512 << 20
	// packMemory is how much of a pack stays in memory.
	packMemory = 1 << 20
	// maxFiles bounds the entries of one folder.
	maxFiles = 100_000
)

// Fetcher fetches remote bases. It is safe for concurrent use.
type Fetcher struct {
	http   *http.Client
	git    *git.Client
	limits git.Limits
	// fileBytes bounds a file.
	fileBytes int64
	trees     *trees
}

// New returns a Fetcher.
func New(o Options) (*Fetcher, error) {
	client, err := egress.NewClient(o.Egress)
	if err != nil {
		return nil, fmt.Errorf("making the client for remote bases: %w", err)
	}
	repositories, err := git.NewClient(git.Options{Egress: o.Egress, TempDir: o.TempDir, MemoryBytes: packMemory})
	if err != nil {
		return nil, fmt.Errorf("making the client for remote bases: %w", err)
	}
	return &Fetcher{
		http: client, git: repositories,
		limits:    git.Limits{PackBytes: cmp.Or(o.PackBytes, defaultPackBytes), Files: maxFiles},
		fileBytes: cmp.Or(o.FileBytes, defaultFileBytes),
		trees:     newTrees(cmp.Or(o.Trees, defaultTrees), cmp.Or(o.HeldBytes, defaultHeldBytes)),
	}, nil
}

// Close lets go of idle connections and of every tree that no build uses.
func (f *Fetcher) Close() error {
	f.http.CloseIdleConnections()
	f.git.CloseIdleConnections()
	return f.trees.clear()
}

var _ remote.Fetch = (*Fetcher)(nil).Fetch

// Fetch is a remote.Fetch. The tree it returns has to be closed.
func (f *Fetcher) Fetch(ctx context.Context, ref remote.Ref) (fs.FS, error) {
	bounded, cancel := ctx, context.CancelFunc(func() {})
	if ref.Timeout > 0 {
		bounded, cancel = context.WithTimeout(ctx, ref.Timeout)
	}
	defer cancel()
	tree, err := f.fetch(bounded, ref)
	switch {
	case err == nil:
		return tree, nil
	case ctx.Err() != nil:
		return nil, fmt.Errorf("fetching %s: %w", ref.Address(), ctx.Err())
	case bounded.Err() != nil:
		return nil, fmt.Errorf("fetching %s: there was no answer within %s", ref.Address(), ref.Timeout)
	case errors.Is(err, remote.ErrNotFile):
		return nil, fmt.Errorf("fetching %s: %w", ref.Address(), err)
	}
	return nil, fmt.Errorf("fetching %s: %w", ref.Address(), plain(err))
}

func (f *Fetcher) fetch(ctx context.Context, ref remote.Ref) (fs.FS, error) {
	if err := acceptable(ref.URL); err != nil {
		return nil, err
	}
	switch ref.Kind {
	case remote.KindFile:
		return f.file(ctx, ref.URL)
	case remote.KindGit:
		return f.repository(ctx, strings.TrimSuffix(ref.URL, "/"), ref.Revision)
	}
	return nil, fmt.Errorf("a reference of kind %q cannot be fetched", ref.Kind)
}

// acceptable refuses an address that is not HTTP, or that carries credentials.
func acceptable(address string) error {
	u, err := url.Parse(address)
	if err != nil || u.Scheme == "" {
		// git@host:path is not a URL.
		if host, _, ok := strings.Cut(address, ":"); ok && strings.Contains(host, "@") && !strings.Contains(host, "/") {
			return errSSH
		}
		return errors.New("the address is not a URL")
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
	case "ssh", "git+ssh", "ssh+git":
		return errSSH
	default:
		return errors.New("its scheme is not http or https")
	}
	if u.User != nil {
		return errors.New("a user name or password in the address of a remote base is not accepted; " +
			"private bases belong into a source of their own")
	}
	if u.Hostname() == "" {
		return errors.New("the address names no host")
	}
	return nil
}

var errSSH = errors.New("remote bases over SSH are not supported; use the https URL of the repository")

// plain is an error without the class and the hints of the adapter it comes
// from, which speak of the fields of a source, and without anything secret that
// an address may hold.
func plain(err error) error {
	var refused *url.Error
	if errors.As(err, &refused) {
		err = refused.Err
	}
	anonymous := ""
	var known *fault.Error
	if errors.As(err, &known) {
		if known.Reason == meta.ReasonAuthenticationFailed {
			anonymous = "; remote bases are fetched without credentials"
		}
		err = known.Err
	}
	return errors.New(egress.RedactText(err.Error()) + anonymous)
}
