package remotebase_test

import (
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"log"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/capstan-gitops/capstan/kustomize-controller/build/remotebase"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/kustomize/remote"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

func newFetcher(t *testing.T, change ...func(*remotebase.Options)) *remotebase.Fetcher {
	t.Helper()
	o := remotebase.Options{TempDir: t.TempDir()}
	for _, c := range change {
		c(&o)
	}
	f, err := remotebase.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	})
	return f
}

func file(url string) remote.Ref { return remote.Ref{Kind: remote.KindFile, URL: url} }

func repository(url, revision string) remote.Ref {
	return remote.Ref{Kind: remote.KindGit, URL: url, Revision: revision, Submodules: true, Timeout: time.Minute}
}

// closing closes a tree when it is not needed any more.
func closing(t *testing.T, tree fs.FS) {
	t.Helper()
	if closer, ok := tree.(io.Closer); ok {
		if err := closer.Close(); err != nil {
			t.Error(err)
		}
	}
}

// content fetches a reference and reads one file of it.
func content(t *testing.T, f *remotebase.Fetcher, ref remote.Ref, name string) string {
	t.Helper()
	tree, err := f.Fetch(t.Context(), ref)
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, tree)
	data, err := fs.ReadFile(tree, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// refused fetches something that may not be had, and checks that the error says
// why, shows no secret, and speaks of no field of a source.
func refused(t *testing.T, f *remotebase.Fetcher, ref remote.Ref, why, want string) (notFile bool) {
	t.Helper()
	tree, err := f.Fetch(t.Context(), ref)
	if err == nil {
		closing(t, tree)
		t.Fatalf("%s: it was fetched", why)
	}
	text := err.Error()
	if !strings.Contains(text, want) || strings.Contains(text, "hunter2") || strings.Contains(text, "spec.") {
		t.Errorf("%s: got %q, want %q", why, text, want)
	}
	var known *fault.Error
	if errors.As(err, &known) {
		t.Errorf("%s: it has the reason %s of a source", why, known.Reason)
	}
	return errors.Is(err, remote.ErrNotFile)
}

func TestFile(t *testing.T) {
	const text = "apiVersion: v1\n"
	mux := http.NewServeMux()
	mux.HandleFunc("/base.yaml", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" || r.Header.Get("Cookie") != "" {
			t.Error("credentials were sent")
		}
		w.Header().Set("Content-Type", "application/yaml")
		_, _ = io.WriteString(w, text)
	})
	mux.HandleFunc("/page", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, "<html></html>")
	})
	mux.HandleFunc("/large", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) })
	mux.HandleFunc("/bomb", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		packed := gzip.NewWriter(w)
		defer packed.Close()
		_, _ = packed.Write(make([]byte, 1<<20))
	})
	mux.HandleFunc("/cut", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "900")
		_, _ = io.WriteString(w, text)
	})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/base.yaml", http.StatusFound) })
	mux.HandleFunc("/loop", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/loop?token=hunter2", http.StatusFound)
	})
	mux.HandleFunc("/metadata", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://169.254.169.254/latest", http.StatusFound)
	})
	mux.HandleFunc("/secret", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	server := httptest.NewServer(mux)
	defer server.Close()
	fetcher := newFetcher(t, func(o *remotebase.Options) { o.FileBytes = 1000 })

	for _, path := range []string{"/base.yaml", "/base.yaml?token=hunter2", "/moved"} {
		if got := content(t, fetcher, file(server.URL+path), remote.FileName); got != text {
			t.Errorf("%s: got %q", path, got)
		}
	}
	host := strings.TrimPrefix(server.URL, "http://")
	cases := map[string]struct {
		why, url, want string
		notFile        bool
	}{
		"NotFound":  {"it may be a repository", server.URL + "/none?token=hunter2", "the server answered 404 Not Found", true},
		"Forbidden": {"so may what is private", server.URL + "/secret", "the server answered 401 Unauthorized", true},
		"Page":      {"and what shows a page", server.URL + "/page", "web page", true},
		"Large":     {"the size is bounded", server.URL + "/large", "larger than the limit of 1000 bytes", false},
		"Bomb":      {"so is the unpacked size", server.URL + "/bomb", "larger than the limit of 1000 bytes", false},
		"Cut":       {"a file that ends early is none", server.URL + "/cut", "unexpected EOF", false},
		"Loop":      {"redirects end", server.URL + "/loop", "more than 5 redirects", false},
		"Metadata":  {"a redirect leads nowhere it may not", server.URL + "/metadata", "address 169.254.169.254 is refused", false},
		"Direct":    {"nor does an address", "http://169.254.169.254/latest/meta-data", "link-local addresses are never dialled", false},
		"Userinfo":  {"no credentials in addresses", "http://hunter2:hunter2@" + host + "/base.yaml", "a user name or password in the address", false},
		"UserOnly":  {"a token alone is one", "https://hunter2@" + host + "/base.yaml", "a user name or password in the address", false},
		"Scheme":    {"no files of the machine", "file:///etc/passwd", "scheme is not http or https", false},
		"NoHost":    {"no host", "http:///base.yaml", "names no host", false},
		"Closed":    {"nobody listens", "http://127.0.0.1:1/x?token=hunter2", "connection refused", false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := refused(t, fetcher, file(c.url), c.why, c.want); got != c.notFile {
				t.Errorf("%s: not a file: %t", c.why, got)
			}
		})
	}
}

func TestFileOverTLS(t *testing.T) {
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a: b\n") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	refused(t, newFetcher(t), file(server.URL), "a server that nobody vouches for", "certificate")
}

func TestFileIsATree(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "a: b\n") }))
	defer server.Close()
	tree, err := newFetcher(t).Fetch(t.Context(), file(server.URL))
	if err != nil {
		t.Fatal(err)
	}
	if err := fstest.TestFS(tree, remote.FileName); err != nil {
		t.Error(err)
	}
}

func TestTimeout(t *testing.T) {
	waiting := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-waiting }))
	defer server.Close()
	defer close(waiting)
	slow := file(server.URL)
	slow.Timeout = 50 * time.Millisecond
	refused(t, newFetcher(t), slow, "a server that says nothing", "there was no answer within 50ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newFetcher(t).Fetch(ctx, file(server.URL)); !errors.Is(err, context.Canceled) {
		t.Errorf("the error does not say that the build ended: %v", err)
	}
}

// scene is a repository with a tag, a branch, and a default branch that is
// neither main nor master.
type scene struct {
	server            *gitserver.Server
	url               string
	first, tip, other string
	commit            func(text string) string
}

func newScene(t *testing.T, o gitserver.Options) scene {
	t.Helper()
	server, err := gitserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	repo, err := server.CreateRepository(t.Context(), "org/base")
	if err != nil {
		t.Fatal(err)
	}
	apply := func(branch, text string) string {
		hash, err := repo.Apply(t.Context(), gitserver.Change{
			Branch: branch, Files: map[string]string{"app/text": text}, Links: map[string]string{"app/link": "/etc/passwd"},
			Message: text,
		})
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	s := scene{server: server, url: repo.URL()}
	s.first = apply("trunk", "one")
	s.tip = apply("trunk", "two")
	s.other = apply("feature/x", "three")
	s.commit = func(text string) string { return apply("trunk", text) }
	if err := repo.Tag(t.Context(), "v1", s.first); err != nil {
		t.Fatal(err)
	}
	if _, err := repo.AnnotatedTag(t.Context(), "both", s.first, "a tag with the name of a branch"); err != nil {
		t.Fatal(err)
	}
	apply("both", "four")
	if err := os.WriteFile(repo.Dir()+"/HEAD", []byte("ref: refs/heads/trunk\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestRepository(t *testing.T) {
	s := newScene(t, gitserver.Options{AllowAnySHA: true})
	fetcher := newFetcher(t)
	cases := map[string]struct{ why, revision, want string }{
		"Default":   {"what HEAD points at", "", "two"},
		"Branch":    {"a branch, with a slash", "feature/x", "three"},
		"Tag":       {"a tag", "v1", "one"},
		"Both":      {"a tag is stronger than a branch, as in git", "both", "one"},
		"BranchRef": {"unless it is named in full", "refs/heads/both", "four"},
		"HeadsRef":  {"or nearly", "heads/both", "four"},
		"Commit":    {"a commit that is no tip", s.first, "one"},
		"CommitTip": {"a commit in capitals", strings.ToUpper(s.tip), "two"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := content(t, fetcher, repository(s.url, c.revision), "app/text"); got != c.want {
				t.Errorf("%s: got %q, want %q", c.why, got, c.want)
			}
		})
	}
}

func TestRepositoryFollowsNoLink(t *testing.T) {
	s := newScene(t, gitserver.Options{})
	tree, err := newFetcher(t).Fetch(t.Context(), repository(s.url, "trunk"))
	if err != nil {
		t.Fatal(err)
	}
	defer closing(t, tree)
	if _, ok := tree.(fs.ReadLinkFS); !ok {
		t.Error("links cannot be distinguished from files")
	}
	if data, err := fs.ReadFile(tree, "app/link"); err == nil {
		t.Errorf("a link out of the tree was followed: %d bytes", len(data))
	}
}

func TestRepositoryRefuses(t *testing.T) {
	s := newScene(t, gitserver.Options{})
	locked := newScene(t, gitserver.Options{Username: "u", Password: "hunter2"})
	host := strings.TrimPrefix(s.url, "http://")
	cases := map[string]struct{ why, url, revision, want string }{
		"NoBranch":  {"a name that is nothing", s.url, "nope", "the repository has no branch or tag of that name"},
		"NoCommit":  {"a commit that is not there", s.url, strings.Repeat("a", 40), "it is not in the history of any branch or tag"},
		"BadName":   {"a name that no reference has", s.url, "a..b", "is not a valid name of a reference"},
		"Private":   {"a repository that wants credentials", locked.url, "trunk", "remote bases are fetched without credentials"},
		"PrivateNo": {"also for its default branch", locked.url, "", "looking for the default branch: the server answered 401"},
		"Userinfo":  {"no credentials in addresses", "http://u:hunter2@" + host, "trunk", "a user name or password in the address"},
		"SSH":       {"no SSH", "ssh://git@example.com/org/base.git", "", "over SSH are not supported; use the https URL"},
		"SSHShort":  {"in neither form", "git@example.com:org/base", "", "over SSH are not supported; use the https URL"},
		"Metadata":  {"no metadata service", "http://169.254.169.254/org/base.git", "main", "link-local addresses are never dialled"},
		"MetaHead":  {"also for its default branch", "http://169.254.169.254/org/base.git", "", "link-local addresses are never dialled"},
		"Path":      {"no machine paths", "/srv/git/base", "", "the address is not a URL"},
		"Query":     {"no secrets in queries", s.url + "?token=hunter2", "trunk", "no query"},
		"Absent":    {"a repository that is not there", s.server.BaseURL() + "/org/none.git", "trunk", "404"},
	}
	fetcher := newFetcher(t)
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { refused(t, fetcher, repository(c.url, c.revision), c.why, c.want) })
	}
}

func TestRepositoryIsBounded(t *testing.T) {
	s := newScene(t, gitserver.Options{})
	small := newFetcher(t, func(o *remotebase.Options) { o.PackBytes = 100 })
	refused(t, small, repository(s.url, "trunk"), "a pack above the limit", "larger than the limit of 100 bytes")
	strict := newFetcher(t, func(o *remotebase.Options) {
		o.Egress = egress.Options{Guard: egress.Guard{Denied: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}}
	})
	refused(t, strict, repository(s.url, "trunk"), "a range that the configuration denies", "address 127.0.0.1 is refused")
	refused(t, strict, repository(s.url, ""), "also for its default branch", "address 127.0.0.1 is refused")
}

// TestReuse counts what a build costs the server when another had the same base.
func TestReuse(t *testing.T) {
	s := newScene(t, gitserver.Options{AllowAnySHA: true})
	fetcher := newFetcher(t)
	check := func(what string, revision, want string, stats gitserver.Stats) {
		t.Helper()
		s.server.ResetStats()
		if got := content(t, fetcher, repository(s.url, revision), "app/text"); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
		got := s.server.Stats()
		if got.Advertisements != stats.Advertisements || got.Fetches != stats.Fetches {
			t.Errorf("%s: %d advertisements and %d fetches, want %d and %d",
				what, got.Advertisements, got.Fetches, stats.Advertisements, stats.Fetches)
		}
	}
	check("a branch for the first time", "refs/heads/trunk", "two", gitserver.Stats{Advertisements: 1, Fetches: 1})
	check("a branch is resolved every time", "refs/heads/trunk", "two", gitserver.Stats{Advertisements: 1})
	check("its commit is held", s.tip, "two", gitserver.Stats{})
	s.commit("five")
	check("a branch that moved", "refs/heads/trunk", "five", gitserver.Stats{Advertisements: 1, Fetches: 1})
	check("the commit it was at before is still held", s.tip, "two", gitserver.Stats{})
}

func TestHeldTreesAreBounded(t *testing.T) {
	s := newScene(t, gitserver.Options{AllowAnySHA: true})
	for name, limit := range map[string]func(*remotebase.Options){
		"ByCount": func(o *remotebase.Options) { o.Trees = 1 },
		"ByBytes": func(o *remotebase.Options) { o.HeldBytes = 1 },
	} {
		t.Run(name, func(t *testing.T) {
			fetcher := newFetcher(t, limit)
			inUse, err := fetcher.Fetch(t.Context(), repository(s.url, s.tip))
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				content(t, fetcher, repository(s.url, s.other), "app/text")
			}
			if data, err := fs.ReadFile(inUse, "app/text"); err != nil || string(data) != "two" {
				t.Errorf("a tree in use was released: %q, %v", data, err)
			}
			closing(t, inUse)
			content(t, fetcher, repository(s.url, s.other), "app/text")
			s.server.ResetStats()
			content(t, fetcher, repository(s.url, s.tip), "app/text")
			if s.server.Stats().Fetches != 1 {
				t.Error("a tree is held above the bound")
			}
		})
	}
}

func TestCloseTwice(t *testing.T) {
	s := newScene(t, gitserver.Options{})
	fetcher := newFetcher(t)
	one, err := fetcher.Fetch(t.Context(), repository(s.url, "trunk"))
	if err != nil {
		t.Fatal(err)
	}
	two, err := fetcher.Fetch(t.Context(), repository(s.url, "trunk"))
	if err != nil {
		t.Fatal(err)
	}
	closing(t, one)
	closing(t, one)
	if err := fetcher.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := fs.ReadFile(two, "app/text"); err != nil {
		t.Errorf("closing a tree twice took it from somebody else: %v", err)
	}
	closing(t, two)
}

// TestTogether fetches one base for many builds at once: it travels once, and
// one that gives up takes nothing from the others.
func TestTogether(t *testing.T) {
	s := newScene(t, gitserver.Options{AllowAnySHA: true})
	fetcher := newFetcher(t)
	s.server.ResetStats()
	gone, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range 16 {
		group.Go(func() {
			ctx := t.Context()
			if i%4 == 0 {
				ctx = gone
				cancel()
			}
			tree, err := fetcher.Fetch(ctx, repository(s.url, s.tip))
			if err != nil {
				if i%4 != 0 {
					t.Errorf("build %d: %v", i, err)
				}
				return
			}
			defer closing(t, tree)
			if data, err := fs.ReadFile(tree, "app/text"); err != nil || string(data) != "two" {
				t.Errorf("build %d: %q, %v", i, data, err)
			}
		})
	}
	group.Wait()
	cancel()
	if got := s.server.Stats().Fetches; got != 1 {
		t.Errorf("the base travelled %d times", got)
	}
}
