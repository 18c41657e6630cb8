package gitserver_test

import (
	"context"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

func start(t *testing.T, o gitserver.Options) *gitserver.Server {
	t.Helper()
	server, err := gitserver.Start(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	return server
}

func create(t *testing.T, s *gitserver.Server, name string) *gitserver.Repository {
	t.Helper()
	repo, err := s.CreateRepository(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

// git runs the client a user has, with none of the machine's configuration.
func git(t *testing.T, dir string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com",
	}
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// TestCloneAndPush is the round trip a user of the demo makes.
func TestCloneAndPush(t *testing.T) {
	server := start(t, gitserver.Options{Username: "u", Password: "p"})
	repo := create(t, server, "org/sample")
	if _, err := repo.Commit(t.Context(), map[string]string{"deploy/app.yaml": "a: 1\n", `odd "name`: "x"}, "first"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if out, err := git(t, dir, "clone", repo.URL(), "anonymous"); err == nil {
		t.Fatalf("cloned without a credential: %s", out)
	}
	url := strings.Replace(repo.URL(), "http://", "http://u:p@", 1)
	if out, err := git(t, dir, "clone", url, "work"); err != nil {
		t.Fatalf("cloning: %s", out)
	}
	work := filepath.Join(dir, "work")
	if got, err := os.ReadFile(filepath.Join(work, "deploy", "app.yaml")); err != nil || string(got) != "a: 1\n" {
		t.Fatalf("cloned file is %q, %v", got, err)
	}
	if err := os.WriteFile(filepath.Join(work, "new"), []byte("y"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"add", "."}, {"commit", "-m", "second"}, {"push", "origin", "HEAD:main"}} {
		if out, err := git(t, work, args...); err != nil {
			t.Fatalf("git %s: %s", args[0], out)
		}
	}
	pushed, err := git(t, work, "rev-parse", "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	if tip, err := repo.Resolve(t.Context(), "main"); err != nil || tip != pushed {
		t.Errorf("main is %s (%v), pushed %s", tip, err, pushed)
	}
	if stats := server.Stats(); stats.Fetches == 0 || stats.Pushes != 1 || stats.Unauthorized == 0 || stats.BytesSent == 0 {
		t.Errorf("counters are %+v", stats)
	}
}

func TestCommits(t *testing.T) {
	server := start(t, gitserver.Options{})
	repo := create(t, server, "r")
	ctx := t.Context()
	must := func(hash string, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return hash
	}
	first := must(repo.Commit(ctx, map[string]string{"a": "1", "d/b": "2"}, "first"))
	second := must(repo.Commit(ctx, map[string]string{"a": "3"}, "second"))
	amended := must(repo.Amend(ctx, map[string]string{"c": "4"}, "second, again"))
	if amended == second || must(repo.Resolve(ctx, amended+"^")) != first {
		t.Errorf("amended %s has not parent %s", amended, first)
	}
	if got := must(repo.Resolve(ctx, amended+":a")); got != must(repo.Resolve(ctx, second+":a")) {
		t.Error("amending lost what the tip had")
	}
	must(repo.Delete(ctx, "third", "d"))
	if _, err := repo.Resolve(ctx, "main:d/b"); err == nil {
		t.Error("the deleted file is still there")
	}
	orphan := must(repo.Apply(ctx, gitserver.Change{Orphan: true, Files: map[string]string{"z": "1"}, Message: "orphan"}))
	if _, err := repo.Resolve(ctx, orphan+"^"); err == nil {
		t.Error("the orphan has a parent")
	}
	if _, err := repo.Resolve(ctx, orphan+":a"); err == nil {
		t.Error("the orphan has the files of another history")
	}
	root := must(repo.Amend(ctx, map[string]string{"y": "1"}, "orphan, again"))
	if _, err := repo.Resolve(ctx, root+"^"); err == nil {
		t.Error("an amended root has a parent")
	}
	tag := must(repo.AnnotatedTag(ctx, "v1.0.0", "main", "release"))
	if got := must(repo.Resolve(ctx, "v1.0.0^{commit}")); got != root || tag == root {
		t.Errorf("tag %s leads to %s, want %s", tag, got, root)
	}
}

func TestTLS(t *testing.T) {
	server := start(t, gitserver.Options{TLS: true, BearerToken: "t"})
	repo := create(t, server, "r")
	if _, err := repo.Commit(t.Context(), map[string]string{"a": "1"}, "first"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	ca := filepath.Join(dir, "ca.pem")
	if err := os.WriteFile(ca, server.CA(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := git(t, dir, "-c", "http.sslCAInfo="+ca, "-c", "http.extraHeader=Authorization: Bearer t", "ls-remote", repo.URL())
	if err != nil || !strings.Contains(out, "refs/heads/main") {
		t.Errorf("listing over TLS: %s, %v", out, err)
	}
}

func TestFaults(t *testing.T) {
	cases := map[string]struct {
		why   string
		fault gitserver.Fault
		check func(t *testing.T, body []byte, whole []byte, status int, err error)
	}{
		"Truncate": {"a connection that breaks", gitserver.Fault{TruncateAfter: 10},
			func(t *testing.T, body, _ []byte, _ int, err error) {
				t.Helper()
				if len(body) != 10 || err == nil {
					t.Errorf("%d bytes, %v", len(body), err)
				}
			}},
		"Flip": {"a corrupted byte", gitserver.Fault{FlipByteAt: 3},
			func(t *testing.T, body, whole []byte, _ int, _ error) {
				t.Helper()
				if len(body) != len(whole) || body[2] != whole[2]^0xff || body[3] != whole[3] {
					t.Errorf("%q instead of %q", body, whole)
				}
			}},
		"Status": {"a server that refuses", gitserver.Fault{Status: http.StatusForbidden, Body: "no"},
			func(t *testing.T, body, _ []byte, status int, _ error) {
				t.Helper()
				if status != http.StatusForbidden || string(body) != "no" {
					t.Errorf("%d %q", status, body)
				}
			}},
		"Hang": {"a server that says nothing", gitserver.Fault{Hang: true},
			func(t *testing.T, _, _ []byte, _ int, err error) {
				t.Helper()
				if err == nil {
					t.Error("an answer arrived")
				}
			}},
		"Stall": {"a server that stops talking", gitserver.Fault{StallAfter: 10},
			func(t *testing.T, body, _ []byte, _ int, err error) {
				t.Helper()
				if len(body) != 10 || err == nil {
					t.Errorf("%d bytes, %v", len(body), err)
				}
			}},
	}
	server := start(t, gitserver.Options{})
	repo := create(t, server, "r")
	if _, err := repo.Commit(t.Context(), map[string]string{"a": "1"}, "first"); err != nil {
		t.Fatal(err)
	}
	whole, _, err := fetch(t, repo.URL())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.fault.Times = 1
			server.Inject(tc.fault)
			body, status, err := fetch(t, repo.URL())
			tc.check(t, body, whole, status, err)
			if again, _, err := fetch(t, repo.URL()); err != nil || string(again) != string(whole) {
				t.Errorf("%s: the fault outlived its one time: %v", tc.why, err)
			}
		})
	}
}

// fetch reads the advertisement until it ends or a quarter of a second is over.
func fetch(t *testing.T, url string) ([]byte, int, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/info/refs?service=git-upload-pack", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return body, res.StatusCode, err
}
