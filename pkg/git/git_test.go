package git_test

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

func serve(t *testing.T, o gitserver.Options) *gitserver.Server {
	t.Helper()
	server, err := gitserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func newRepo(t *testing.T, s *gitserver.Server) *gitserver.Repository {
	t.Helper()
	repo, err := s.CreateRepository(t.Context(), strings.ToLower(strings.ReplaceAll(t.Name(), "#", "")))
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// must returns the hash of a step that sets the scene.
func must(t *testing.T) func(string, error) string {
	t.Helper()
	return func(hash string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
}

func newClient(t *testing.T) *git.Client {
	t.Helper()
	client, err := git.NewClient(git.Options{TempDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

func fetch(t *testing.T, c *git.Client, remote git.Remote, ref git.Reference, limits git.Limits) (*git.Checkout, error) {
	t.Helper()
	target, err := c.Resolve(t.Context(), remote, ref)
	if err != nil {
		return nil, err
	}
	checkout, err := c.Fetch(t.Context(), remote, target, limits)
	if err == nil {
		t.Cleanup(func() { _ = checkout.Close() })
	}
	return checkout, err
}

// TestReferences walks every kind of reference from text to tree.
func TestReferences(t *testing.T) {
	for _, anySHA := range []bool{true, false} {
		server := serve(t, gitserver.Options{AllowAnySHA: anySHA})
		repo := newRepo(t, server)
		ctx, ok := t.Context(), must(t)
		at := func(sec int64) time.Time { return time.Unix(1_700_000_000+sec, 0) }
		one := ok(repo.Apply(ctx, gitserver.Change{Files: map[string]string{"f": "1"}, Message: "one\n\nbody", When: at(1)}))
		ok(repo.AnnotatedTag(ctx, "v1.0.0", one, "release"))
		ok("", repo.Tag(ctx, "1.0.0+old", one))
		two := ok(repo.Apply(ctx, gitserver.Change{Files: map[string]string{"f": "2"}, Message: "two", When: at(2)}))
		ok("", repo.Tag(ctx, "v1.1.0", two))
		ok("", repo.Tag(ctx, "v1.1", two))
		ok("", repo.Tag(ctx, "v2.0.0-rc.1", two))
		three := ok(repo.Apply(ctx, gitserver.Change{Files: map[string]string{"f": "3"}, Message: "three", When: at(3)}))
		ok("", repo.Tag(ctx, "1.1.0+build", three))
		ok("", repo.Branch(ctx, "feat/x", two))
		ok("", repo.SetReference(ctx, "refs/pull/1/head", one))
		ok("", repo.Branch(ctx, "master", one))

		cases := map[string]struct {
			why      string
			ref      git.Reference
			commit   string
			revision string
			content  string
		}{
			"Default":        {"no reference is the branch master", git.Reference{}, one, "master@sha1:" + one, "1"},
			"Branch":         {"the tip", git.Reference{Branch: "main"}, three, "main@sha1:" + three, "3"},
			"BranchSlash":    {"slashes stay", git.Reference{Branch: "feat/x"}, two, "feat/x@sha1:" + two, "2"},
			"AnnotatedTag":   {"the commit, not the tag object", git.Reference{Tag: "v1.0.0"}, one, "v1.0.0@sha1:" + one, "1"},
			"LightTag":       {"the commit itself", git.Reference{Tag: "v1.1.0"}, two, "v1.1.0@sha1:" + two, "2"},
			"TagOverBranch":  {"the tag wins", git.Reference{Tag: "v1.0.0", Branch: "main", SemVer: "*"}, one, "v1.0.0@sha1:" + one, "1"},
			"SemVerTie":      {"equal versions, the younger commit", git.Reference{SemVer: "1.x"}, three, "1.1.0+build@sha1:" + three, "3"},
			"SemVerOld":      {"the same commit twice needs no dates", git.Reference{SemVer: "1.0.x"}, one, "v1.0.0@sha1:" + one, "1"},
			"SemVerPre":      {"a range that names a pre-release", git.Reference{SemVer: ">=2.0.0-0"}, two, "v2.0.0-rc.1@sha1:" + two, "2"},
			"NameBranch":     {"a full name is shown in full", git.Reference{Name: "refs/heads/main"}, three, "refs/heads/main@sha1:" + three, "3"},
			"NamePeeled":     {"the peeled form is the tag", git.Reference{Name: "refs/tags/v1.0.0^{}"}, one, "refs/tags/v1.0.0@sha1:" + one, "1"},
			"NamePull":       {"any reference the server lists", git.Reference{Name: "refs/pull/1/head", Tag: "v1.1.0"}, one, "refs/pull/1/head@sha1:" + one, "1"},
			"Commit":         {"history without a branch", git.Reference{Commit: two}, two, "sha1:" + two, "2"},
			"CommitTip":      {"a tip can always be asked for", git.Reference{Commit: three}, three, "sha1:" + three, "3"},
			"CommitOfBranch": {"named after the branch", git.Reference{Commit: one, Branch: "main"}, one, "main@sha1:" + one, "1"},
			"CommitOfName":   {"named after the reference", git.Reference{Commit: one, Name: "refs/heads/main"}, one, "refs/heads/main@sha1:" + one, "1"},
		}
		client := newClient(t)
		for name, tc := range cases {
			t.Run(name, func(t *testing.T) {
				got, err := fetch(t, client, git.Remote{URL: repo.URL()}, tc.ref, git.Limits{})
				if err != nil {
					t.Fatalf("%s: %v", tc.why, err)
				}
				content, err := fs.ReadFile(got.FS(), "f")
				if err != nil {
					t.Fatal(err)
				}
				want := []string{tc.commit, tc.revision, tc.content}
				if diff := cmp.Diff(want, []string{got.Commit.Hash, got.Revision.String(), string(content)}); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", tc.why, diff)
				}
			})
		}
	}
}

func TestCommitFacts(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	when := time.Unix(1_700_000_000, 0)
	hash := must(t)(repo.Apply(t.Context(), gitserver.Change{Message: "subject \x1b[31mred\nbody", When: when}))
	got, err := fetch(t, newClient(t), git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	want := git.Commit{Hash: hash, Subject: "subject [31mred", Author: "Capstan Test", When: when.UTC()}
	got.Commit.When = got.Commit.When.UTC()
	if diff := cmp.Diff(want, got.Commit); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestCost is what Resolve and Fetch promise about requests.
func TestCost(t *testing.T) {
	server := serve(t, gitserver.Options{AllowAnySHA: true})
	repo := newRepo(t, server)
	hash := must(t)(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	client, remote := newClient(t), git.Remote{URL: repo.URL()}
	cases := map[string]struct {
		why            string
		ref            git.Reference
		resolve, fetch gitserver.Stats
	}{
		"Branch": {"one advertisement, then one pack", git.Reference{Branch: "main"},
			gitserver.Stats{Requests: 1, Advertisements: 1}, gitserver.Stats{Requests: 1, Fetches: 1}},
		"Commit": {"a pinned commit is not looked up", git.Reference{Commit: hash},
			gitserver.Stats{}, gitserver.Stats{Requests: 2, Advertisements: 1, Fetches: 1}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			server.ResetStats()
			target, err := client.Resolve(t.Context(), remote, tc.ref)
			if err != nil {
				t.Fatal(err)
			}
			check := func(want gitserver.Stats) {
				t.Helper()
				got := server.Stats()
				got.BytesSent = 0
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: (-want +got)\n%s", tc.why, diff)
				}
				server.ResetStats()
			}
			check(tc.resolve)
			checkout, err := client.Fetch(t.Context(), remote, target, git.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			check(tc.fetch)
			if err := checkout.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFailures is one sentence per thing that goes wrong.
func TestFailures(t *testing.T) {
	server := serve(t, gitserver.Options{Username: "u", Password: "canary-password"})
	repo, ok := newRepo(t, server), must(t)
	ok(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	empty, err := server.CreateRepository(t.Context(), "empty")
	if err != nil {
		t.Fatal(err)
	}
	login := func(password string) credentials.Git {
		c, err := credentials.ForGit(map[string][]byte{"username": []byte("u"), "password": []byte(password)}, server.BaseURL())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	good := login("canary-password")
	main := git.Reference{Branch: "main"}
	cases := map[string]struct {
		why    string
		remote git.Remote
		ref    git.Reference
		reason meta.Reason
		class  fault.Class
		says   []string
	}{
		"Anonymous":     {"a Secret is missing", git.Remote{URL: repo.URL()}, main, meta.ReasonAuthenticationFailed, fault.ClassRetry, []string{"401", "spec.secretRef"}},
		"WrongPassword": {"the Secret is wrong", git.Remote{URL: repo.URL(), Credentials: login("canary-wrong")}, main, meta.ReasonAuthenticationFailed, fault.ClassRetry, []string{"401", "check the credentials"}},
		"NotFound":      {"no such repository", git.Remote{URL: server.BaseURL() + "/nothing", Credentials: good}, main, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"404", "check spec.url"}},
		"NoBranch":      {"no such branch", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Branch: "nope"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{`branch "nope"`}},
		"NoTag":         {"no such tag", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Tag: "nope"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{`tag "nope"`}},
		"NoVersion":     {"no tag in range", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{SemVer: ">9"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{`range ">9"`}},
		"BadRange":      {"not a range", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{SemVer: "latest"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"not a range"}},
		"NoCommit":      {"a commit nobody has", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Commit: strings.Repeat("1", 40)}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"not in the history"}},
		"ShortCommit":   {"abbreviations are ambiguous", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Commit: "abcdef1"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"40 hexadecimal"}},
		"CommitNoRef":   {"a branch that is not there", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Commit: strings.Repeat("1", 40), Branch: "nope"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"refs/heads/nope"}},
		"BadName":       {"a name that leads out of refs is refused before it is sent", git.Remote{URL: repo.URL(), Credentials: good}, git.Reference{Name: "refs/heads/../../config"}, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"not a valid name"}},
		"Empty":         {"nothing was pushed", git.Remote{URL: empty.URL(), Credentials: good}, main, meta.ReasonEmptyGitRepository, fault.ClassRetry, []string{"is empty"}},
		"Unreachable":   {"nobody listens", git.Remote{URL: "http://u:canary@127.0.0.1:1/r"}, main, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"connection refused"}},
		"Metadata":      {"never dialled", git.Remote{URL: "http://169.254.169.254/r"}, main, meta.ReasonGitOperationFailed, fault.ClassRetry, []string{"link-local"}},
		"SSH":           {"not acted on", git.Remote{URL: "ssh://git@example.com/r"}, main, meta.ReasonFieldNotSupported, fault.ClassStalled, []string{"SSH"}},
	}
	client := newClient(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, client, tc.remote, tc.ref, git.Limits{})
			if err == nil {
				t.Fatalf("%s: no error", tc.why)
			}
			if f := fault.Of(err); f.Reason != tc.reason || f.Class != tc.class {
				t.Errorf("%s: %s/%s, want %s/%s: %v", tc.why, f.Class, f.Reason, tc.class, tc.reason, err)
			}
			for _, part := range tc.says {
				if !strings.Contains(err.Error(), part) {
					t.Errorf("%s: %q does not say %q", tc.why, err, part)
				}
			}
			if strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\n") {
				t.Errorf("%s: the error shows a secret or breaks the line: %q", tc.why, err)
			}
		})
	}
}

// TestURLs guards against URLs that run commands or read local files: nothing but
// http and https, nothing a shell would notice.
func TestURLs(t *testing.T) {
	cases := map[string]struct {
		why, url string
		reason   meta.Reason
	}{
		"HTTPS":      {"the usual", "https://example.com/a/b.git", ""},
		"File":       {"the pod's own files", "file:///etc/passwd", meta.ReasonURLInvalid},
		"Local":      {"a path", "/var/lib/repo", meta.ReasonURLInvalid},
		"Relative":   {"another path", "../repo", meta.ReasonURLInvalid},
		"Option":     {"an option of git", "--upload-pack=touch", meta.ReasonURLInvalid},
		"HostOption": {"an option of ssh", "https://-oProxyCommand=x/r", meta.ReasonURLInvalid},
		"PathOption": {"an option as a path", "https://example.com/--upload-pack=x", meta.ReasonURLInvalid},
		"Newline":    {"a header", "https://example.com/a\nHost: b", meta.ReasonURLInvalid},
		"Quote":      {"a shell", `https://example.com/a"b`, meta.ReasonURLInvalid},
		"Git":        {"no encryption, no authentication", "git://example.com/r", meta.ReasonURLInvalid},
		"Extension":  {"a remote helper", "ext::sh -c x", meta.ReasonURLInvalid},
		"Query":      {"a token in the query", "https://example.com/r?token=canary", meta.ReasonURLInvalid},
		"Upwards":    {"dots", "https://example.com/a/../../b", meta.ReasonURLInvalid},
		"Empty":      {"nothing", "", meta.ReasonURLInvalid},
		"SCP":        {"the short form of SSH", "git@example.com:a/b.git", meta.ReasonFieldNotSupported},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := git.ParseURL(tc.url)
			if (err == nil) != (tc.reason == "") || err != nil && (fault.Of(err).Reason != tc.reason || fault.Of(err).Class != fault.ClassStalled) {
				t.Errorf("%s: %v, want stalled %q", tc.why, err, tc.reason)
			}
			if err != nil && (strings.Contains(err.Error(), "canary") || strings.Contains(err.Error(), "\n")) {
				t.Errorf("%s: %q", tc.why, err)
			}
		})
	}
}

func TestTLSAndBearer(t *testing.T) {
	server := serve(t, gitserver.Options{TLS: true, BearerToken: "canary"})
	repo := newRepo(t, server)
	must(t)(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	client, ref := newClient(t), git.Reference{Branch: "main"}
	data := map[string][]byte{"bearerToken": []byte("canary")}
	creds, err := credentials.ForGit(data, repo.URL())
	if err != nil {
		t.Fatal(err)
	}
	_, err = fetch(t, client, git.Remote{URL: repo.URL(), Credentials: creds}, ref, git.Limits{})
	if err == nil || !strings.Contains(err.Error(), "ca.crt") {
		t.Errorf("an unknown authority: %v, want a hint at ca.crt", err)
	}
	data["ca.crt"] = server.CA()
	if creds, err = credentials.ForGit(data, repo.URL()); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch(t, client, git.Remote{URL: repo.URL(), Credentials: creds}, ref, git.Limits{}); err != nil {
		t.Errorf("with the authority: %v", err)
	}
}

// TestSilentServer proves that the context ends every wait.
func TestSilentServer(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	must(t)(repo.Commit(t.Context(), map[string]string{"f": strings.Repeat("x", 1000)}, "one"))
	client := newClient(t)
	cases := map[string]gitserver.Fault{
		"Advertise":     {Step: gitserver.Advertise, Hang: true},
		"HalfAdvertise": {Step: gitserver.Advertise, StallAfter: 20},
		"Fetch":         {Step: gitserver.Fetch, Hang: true},
		"HalfPack":      {Step: gitserver.Fetch, StallAfter: 60},
	}
	for name, f := range cases {
		t.Run(name, func(t *testing.T) {
			server.Heal()
			server.Inject(f)
			ctx, cancel := context.WithTimeout(t.Context(), 150*time.Millisecond)
			defer cancel()
			remote := git.Remote{URL: repo.URL()}
			target, err := client.Resolve(ctx, remote, git.Reference{Branch: "main"})
			if err == nil {
				_, err = client.Fetch(ctx, remote, target, git.Limits{})
			}
			if !errors.Is(err, context.DeadlineExceeded) || !fault.Is(err, meta.ReasonGitOperationFailed) {
				t.Errorf("error %v, want the deadline", err)
			}
		})
	}
}

// TestRedirectKeepsCredentials guards against credentials that follow a redirect:
// another origin gets neither that of the list nor that of the pack.
func TestRedirectKeepsCredentials(t *testing.T) {
	second := serve(t, gitserver.Options{Username: "u", Password: "canary"})
	first := serve(t, gitserver.Options{})
	repo := newRepo(t, second)
	must(t)(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	first.Inject(gitserver.Fault{RedirectTo: second.BaseURL()})
	url := first.BaseURL() + strings.TrimPrefix(repo.URL(), second.BaseURL())
	creds, err := credentials.ForGit(map[string][]byte{"username": []byte("u"), "password": []byte("canary")}, url)
	if err != nil {
		t.Fatal(err)
	}
	_, err = fetch(t, newClient(t), git.Remote{URL: url, Credentials: creds}, git.Reference{Branch: "main"}, git.Limits{})
	if !fault.Is(err, meta.ReasonAuthenticationFailed) {
		t.Errorf("error %v: the second origin accepted the first one's credential", err)
	}
	if got := second.Stats(); got.Unauthorized != 1 || got.Advertisements != 0 {
		t.Errorf("the second origin saw %+v", got)
	}
}
