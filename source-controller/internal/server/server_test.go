package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/source-controller/internal/server"
)

const canary = "outside-canary"

// folder returns the root of a storage with a canary beside it.
func folder(t *testing.T) *os.Root {
	t.Helper()
	parent := t.TempDir()
	dir := filepath.Join(parent, "data", "gitrepository", "apps", "podinfo")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		filepath.Join(dir, "abc.tar.gz"): "0123456789", filepath.Join(parent, "secret"): canary,
	} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(filepath.Join(parent, "secret"), filepath.Join(dir, "link.tar.gz")); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(filepath.Join(parent, "data"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = root.Close() })
	return root
}

// TestRequests says that whoever reaches the server, which asks for no
// authentication, can read artifacts and nothing else.
func TestRequests(t *testing.T) {
	const artifact = "/gitrepository/apps/podinfo/abc.tar.gz"
	cases := map[string]struct {
		why, method, target, ranges string
		code                        int
		body                        string // the whole of it, when not empty
	}{
		"Get":            {"an artifact is read", "GET", artifact, "", 200, "0123456789"},
		"Head":           {"its size is asked for", "HEAD", artifact, "", 200, ""},
		"Missing":        {"a consumer waits and tries again", "GET", "/gitrepository/apps/podinfo/def.tar.gz", "", 404, ""},
		"Range":          {"a download is resumed", "GET", artifact, "bytes=3-5", 206, "345"},
		"RangeToTheEnd":  {"a download is resumed", "GET", artifact, "bytes=7-", 206, "789"},
		"RangeBehindEnd": {"there is nothing there", "GET", artifact, "bytes=10-20", 416, ""},
		"RangeNonsense":  {"a range that is none", "GET", artifact, "bytes=a-b", 416, ""},
		"RangesBeyondAll": {
			"a thousand overlapping ranges cost no more than the file", "GET", artifact,
			"bytes=" + strings.TrimSuffix(strings.Repeat("0-9,", 1000), ","), 200, "0123456789",
		},
		"Probe":          {"the readiness probe asks for the root", "GET", "/", "", 200, ""},
		"Listing":        {"the contract allows listing", "GET", "/gitrepository/apps/podinfo/", "", 200, ""},
		"Post":           {"artifacts can only be read", "POST", artifact, "", 405, ""},
		"Put":            {"artifacts can only be read", "PUT", artifact, "", 405, ""},
		"Delete":         {"artifacts can only be read", "DELETE", artifact, "", 405, ""},
		"Options":        {"artifacts can only be read", "OPTIONS", artifact, "", 405, ""},
		"Trace":          {"a request is not sent back", "TRACE", artifact, "", 405, ""},
		"DotDot":         {"traversal", "GET", "/../secret", "", 0, ""},
		"DeepDotDot":     {"traversal", "GET", "/gitrepository/../../secret", "", 0, ""},
		"EncodedSlash":   {"traversal", "GET", "/..%2fsecret", "", 0, ""},
		"EncodedDots":    {"traversal", "GET", "/%2e%2e/secret", "", 0, ""},
		"EncodedBoth":    {"traversal", "GET", "/gitrepository/%2e%2e%2f%2e%2e%2fsecret", "", 0, ""},
		"DoubleEncoded":  {"traversal", "GET", "/%252e%252e%252fsecret", "", 0, ""},
		"Backslash":      {"traversal of another system", "GET", `/..\secret`, "", 0, ""},
		"EncodedNul":     {"a name cut short", "GET", "/gitrepository%00/../../secret", "", 0, ""},
		"DoubleSlash":    {"an absolute path", "GET", "//secret", "", 0, ""},
		"LinkOutside":    {"a link that was planted", "GET", "/gitrepository/apps/podinfo/link.tar.gz", "", 0, ""},
		"PathIsTooLong":  {"a name no file system has", "GET", "/" + strings.Repeat("a", 5000), "", 0, ""},
		"DirectoryAsIs":  {"a folder is not a file", "GET", "/gitrepository/apps/podinfo", "", 301, ""},
		"IndexHTMLAlias": {"there is no page", "GET", "/gitrepository/apps/podinfo/index.html", "", 301, ""},
	}
	srv := httptest.NewServer((&server.Server{Files: folder(t).FS()}).Handler())
	t.Cleanup(srv.Close)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			code, body := raw(t, srv.Listener.Addr().String(), tc.method, tc.target, tc.ranges)
			switch {
			case tc.code != 0 && code != tc.code:
				t.Errorf("%s: answered %d", tc.why, code)
			case tc.code == 0 && code < 300:
				t.Errorf("%s: answered %d with %q", tc.why, code, body)
			case tc.body != "" && body != tc.body:
				t.Errorf("%s: answered %q", tc.why, body)
			}
			if strings.Contains(body, canary) || strings.Contains(body, os.TempDir()) {
				t.Errorf("%s: the answer shows what is outside: %q", tc.why, body)
			}
		})
	}
}

// raw sends a request as it is: an HTTP client would tidy the path up.
func raw(t *testing.T, addr, method, target, ranges string) (code int, body string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	request := method + " " + target + " HTTP/1.1\r\nHost: source\r\nConnection: close\r\n"
	if ranges != "" {
		request += "Range: " + ranges + "\r\n"
	}
	if _, err := io.WriteString(conn, request+"\r\n"); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(content)
}

func TestListingNamesTheFiles(t *testing.T) {
	srv := httptest.NewServer((&server.Server{Files: folder(t).FS()}).Handler())
	t.Cleanup(srv.Close)
	_, body := raw(t, srv.Listener.Addr().String(), "GET", "/gitrepository/apps/podinfo/", "")
	if !strings.Contains(body, "abc.tar.gz") {
		t.Errorf("got %q", body)
	}
}

func TestStartAndStop(t *testing.T) {
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	s := &server.Server{Addr: addr, Files: folder(t).FS()}
	if err := s.Start(t.Context()); err == nil || !strings.Contains(err.Error(), addr) {
		t.Errorf("an address that is taken: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if !s.NeedLeaderElection() {
		t.Error("a replica without current artifacts would be ready")
	}
	ctx, cancel := context.WithCancel(t.Context())
	stopped := make(chan error, 1)
	go func() { stopped <- s.Start(ctx) }()
	if err := answers(t, addr); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case err := <-stopped:
		if err != nil {
			t.Errorf("the end of the context is no error: %v", err)
		}
	case <-time.After(20 * time.Second):
		t.Error("the server does not stop")
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr); err == nil {
		_ = conn.Close()
		t.Error("it still listens")
	}
}

// answers waits until the server listens and has answered.
func answers(t *testing.T, addr string) error {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
			break
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("nobody listens: %w", err)
		}
	}
	if code, _ := raw(t, addr, "GET", "/", ""); code != http.StatusOK {
		return fmt.Errorf("answered %d", code)
	}
	return nil
}
