package git_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/git"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

// TestFS walks a tree with everything a tree can hold.
func TestFS(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo, ok := newRepo(t, server), must(t)
	big := strings.Repeat("0123456789abcdef", 1<<16)
	first := ok(repo.Commit(t.Context(), map[string]string{"big": big, "dir/b": "b", "dir.txt": "x"}, "one"))
	ok(repo.Apply(t.Context(), gitserver.Change{
		Files:       map[string]string{"big2": big + "tail", "dir/sub/c": "c"},
		Executables: map[string]string{"run": "#!"},
		Links:       map[string]string{"link": "/etc/passwd", "dir/up": "../.."},
		Submodules:  map[string]string{"module": first},
	}))
	got, err := fetch(t, newClient(t), git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var seen []string
	err = fs.WalkDir(got.FS(), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		seen = append(seen, fmt.Sprintf("%s %s %d", p, info.Mode(), info.Size()))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		". drwxr-xr-x 0", "big -rw-r--r-- 1048576", "big2 -rw-r--r-- 1048580", "dir drwxr-xr-x 0", "dir/b -rw-r--r-- 1",
		"dir/sub drwxr-xr-x 0", "dir/sub/c -rw-r--r-- 1", "dir/up Lrwxrwxrwx 5", "dir.txt -rw-r--r-- 1",
		"link Lrwxrwxrwx 11", "module drwxr-xr-x 0", "run -rwxr-xr-x 2",
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("walk (-want +got)\n%s", diff)
	}
	for name, content := range map[string]string{"big": big, "big2": big + "tail", "dir/sub/c": "c", "run": "#!"} {
		if b, err := fs.ReadFile(got.FS(), name); err != nil || string(b) != content {
			t.Errorf("%s has %d bytes, %v", name, len(b), err)
		}
	}
	for _, name := range []string{"link", "link/x", "dir/up/big", "../f", "/big", "dir//b", "nope", "big/x"} {
		if _, err := fs.ReadFile(got.FS(), name); err == nil {
			t.Errorf("%s can be read", name)
		}
	}
	if target, err := fs.ReadLink(got.FS(), "link"); err != nil || target != "/etc/passwd" {
		t.Errorf("link points at %q, %v", target, err)
	}
}

// TestHostileTrees guards against trees that write outside or into .git: names
// that reach what is not theirs are refused.
func TestHostileTrees(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo, ok := newRepo(t, server), must(t)
	blob := ok(repo.WriteObject(t.Context(), "blob", []byte("canary")))
	tree := ok(repo.WriteObject(t.Context(), "tree", treeObject(t, [3]string{"100644", "f", blob})))
	cases := map[string]struct {
		why     string
		entries [][3]string
		says    string
	}{
		"DotGit":        {"the repository's own folder", [][3]string{{"40000", ".git", tree}}, ".git"},
		"UpperCase":     {"the same where case does not count", [][3]string{{"40000", ".GIT", tree}}, ".git"},
		"TrailingSpace": {"the same on NTFS", [][3]string{{"40000", ".git ", tree}}, ".git"},
		"TrailingDot":   {"the same on NTFS", [][3]string{{"40000", ".git.", tree}}, ".git"},
		"Stream":        {"a stream of the same on NTFS", [][3]string{{"40000", ".git::$INDEX_ALLOCATION", tree}}, ".git"},
		"ShortName":     {"the same in 8.3", [][3]string{{"40000", "GIT~1", tree}}, ".git"},
		"HFS":           {"the same on HFS+", [][3]string{{"40000", ".g\u200cit", tree}}, ".git"},
		"Backslash":     {"the same below a folder on Windows", [][3]string{{"100644", `a\.git`, blob}}, ".git"},
		"Parent":        {"upwards", [][3]string{{"40000", "..", tree}}, `".."`},
		"Self":          {"in place", [][3]string{{"40000", ".", tree}}, `"."`},
		"Slash":         {"a path", [][3]string{{"100644", "a/b", blob}}, "is a path"},
		"Absolute":      {"another path", [][3]string{{"100644", "/etc/passwd", blob}}, "is a path"},
		"Twice":         {"two contents of one name", [][3]string{{"100644", "f", blob}, {"100644", "f", blob}}, "twice"},
		"LinkAndFolder": {"a link and a folder behind it", [][3]string{{"120000", "d", blob}, {"40000", "d", tree}}, "twice"},
		"Gitmodules":    {"a link that git itself follows", [][3]string{{"120000", ".gitmodules", blob}}, "symbolic link"},
	}
	client := newClient(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			root := ok(repo.WriteObject(t.Context(), "tree", treeObject(t, tc.entries...)))
			nested := ok(repo.WriteObject(t.Context(), "tree", treeObject(t, [3]string{"40000", "dir", root})))
			for _, top := range []string{root, nested} {
				point(t, repo, name, top)
				got, err := fetch(t, client, git.Remote{URL: repo.URL()}, git.Reference{Branch: name}, git.Limits{})
				if err == nil {
					err = fs.WalkDir(got.FS(), ".", func(_ string, _ fs.DirEntry, err error) error { return err })
				}
				if err == nil || !strings.Contains(err.Error(), tc.says) {
					t.Errorf("%s: error %v, want %q", tc.why, err, tc.says)
				}
			}
		})
	}
}

// treeObject encodes a tree without any check.
func treeObject(t *testing.T, entries ...[3]string) []byte {
	t.Helper()
	var out bytes.Buffer
	for _, e := range entries {
		hash, err := hex.DecodeString(e[2])
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "%s %s\x00%s", e[0], e[1], hash)
	}
	return out.Bytes()
}

// point makes a branch whose tip has a tree.
func point(t *testing.T, repo *gitserver.Repository, branch, tree string) {
	t.Helper()
	ok := must(t)
	text := "tree " + tree + "\nauthor a <a@e> 1700000000 +0000\ncommitter a <a@e> 1700000000 +0000\n\nm\n"
	ok("", repo.Branch(t.Context(), branch, ok(repo.WriteObject(t.Context(), "commit", []byte(text)))))
}

// TestFlippedByte guards against packs that were changed in transit: no byte of
// the answer can be changed unnoticed.
func TestFlippedByte(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	must(t)(repo.Commit(t.Context(), map[string]string{"a": strings.Repeat("hello ", 40), "b/c": "x"}, "one"))
	client, remote := newClient(t), git.Remote{URL: repo.URL()}
	target, err := client.Resolve(t.Context(), remote, git.Reference{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	server.ResetStats()
	whole, err := client.Fetch(t.Context(), remote, target, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	size, pack := server.Stats().BytesSent, whole.Bytes
	if err := whole.Close(); err != nil {
		t.Fatal(err)
	}
	// The pack is followed by a flush packet of four bytes, in which nothing is
	// said, and preceded by what is not of the pack. Git divides the pack into
	// packets by how fast it is read, so that an answer can have one packet
	// header more or less than the first had; such an answer is not judged.
	noticed, tried := 0, 0
	for at := size - 4 - pack + 1; at <= size-4; at += 3 {
		server.Heal()
		server.ResetStats()
		server.Inject(gitserver.Fault{Step: gitserver.Fetch, FlipByteAt: at})
		tried++
		got, err := client.Fetch(t.Context(), remote, target, git.Limits{})
		switch {
		case err == nil:
			_ = got.Close()
			if server.Stats().BytesSent == size {
				t.Fatalf("byte %d of %d was changed and nobody noticed", at, size)
			}
		case !fault.Is(err, meta.ReasonGitOperationFailed):
			t.Errorf("byte %d: %v", at, err)
		default:
			noticed++
		}
	}
	if noticed < tried/2 {
		t.Errorf("of %d changed bytes, %d were noticed", tried, noticed)
	}
	for _, at := range []int64{30, size / 2, size - 10} {
		server.Heal()
		server.Inject(gitserver.Fault{Step: gitserver.Fetch, TruncateAfter: at})
		if _, err := client.Fetch(t.Context(), remote, target, git.Limits{}); !fault.Is(err, meta.ReasonGitOperationFailed) {
			t.Errorf("cut after %d bytes: %v", at, err)
		}
	}
}

func TestLimits(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	files := map[string]string{"zeros": strings.Repeat("\x00", 1<<20)}
	for i := range 50 {
		files[fmt.Sprintf("f%d", i)] = fmt.Sprint(i)
	}
	must(t)(repo.Commit(t.Context(), files, "one"))
	cases := map[string]struct {
		why    string
		limits git.Limits
		says   string
	}{
		"Pack":     {"bytes on the wire", git.Limits{PackBytes: 100}, "limit of 100 bytes"},
		"Objects":  {"number of objects", git.Limits{Objects: 10}, "more than the limit of 10"},
		"Object":   {"a small pack with a large file", git.Limits{ObjectBytes: 1 << 19}, "more than the limit of 524288"},
		"Inflated": {"the sum of all", git.Limits{InflatedBytes: 1 << 19}, "inflate to more"},
		"Files":    {"entries of a folder", git.Limits{Files: 20}, "more than the limit of 20"},
	}
	client := newClient(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := fetch(t, client, git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, tc.limits)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.says)
			}
		})
	}
}

// TestHostileAnswers guards against hostile names and numbers of references, and
// what else a server can say instead of a list.
func TestHostileAnswers(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	must(t)(repo.Commit(t.Context(), map[string]string{"f": "1"}, "one"))
	hash := strings.Repeat("a", 40)
	list := func(lines ...string) string {
		out := "001e# service=git-upload-pack\n0000"
		for _, l := range lines {
			out += fmt.Sprintf("%04x%s", len(l)+4, l)
		}
		return out + "0000"
	}
	cases := map[string]struct {
		why, body, contentType, says string
	}{
		"WebPage":     {"a login page", "<html>", "text/html", "no Git server"},
		"HugeName":    {"a name beyond a packet", "001e# service=git-upload-pack\n0000fff5" + hash + " refs/heads/" + strings.Repeat("x", 1<<20), "", "pkt"},
		"NotHex":      {"no packets at all", "001e# service=git-upload-pack\n0000zzzz", "", "pkt"},
		"BadLine":     {"no hash", list("nonsense refs/heads/main\x00\n"), "", "malformed line"},
		"ErrorLine":   {"an error of the server", list("ERR access \x1b[31mdenied\n"), "", `"access [31mdenied"`},
		"Endless":     {"it never ends", "001e# service=git-upload-pack\n0000" + fmt.Sprintf("%04x%s refs/heads/x\x00\n", 59, hash), "", "EOF"},
		"Traversal":   {"a name that is a path, not asked for", list(hash + " refs/heads/../../config\x00\n"), "", "no such reference"},
		"SHA256":      {"hashes of another kind", list(hash + " refs/heads/main\x00object-format=sha256\n"), "", "uses SHA-256 objects, which this version does not read"},
		"SHA256Empty": {"an empty repository of them", list(strings.Repeat("0", 64) + " capabilities^{}\x00object-format=sha256\n"), "", "uses SHA-256 objects"},
		"SHA256Bare":  {"a server that does not say so", list(strings.Repeat("a", 64) + " refs/heads/main\x00x\n"), "", "uses SHA-256 objects"},
		"OtherHashes": {"hashes that nobody knows yet", list(hash + " refs/heads/main\x00object-format=sha\x1b3\n"), "", "uses sha 3 hashes, only sha1"},
		"Empty":       {"zero hash and capabilities", list(strings.Repeat("0", 40) + " capabilities^{}\x00x\n"), "", "is empty"},
		"ManyTooMany": {"more than a million", "001e# service=git-upload-pack\n0000" + strings.Repeat(fmt.Sprintf("%04x%s refs/heads/x\n", 4+40+14, hash), 1_000_002), "", "more than 1000000 references"},
	}
	client := newClient(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			contentType := tc.contentType
			if contentType == "" {
				contentType = "application/x-git-upload-pack-advertisement"
			}
			server.Heal()
			server.Inject(gitserver.Fault{Status: http.StatusOK, Header: http.Header{"Content-Type": {contentType}}, Body: tc.body})
			_, err := client.Resolve(t.Context(), git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"})
			if err == nil || !strings.Contains(err.Error(), tc.says) || len(err.Error()) > 1024 {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.says)
			}
		})
	}
}

// TestSpoolLeavesNothing fetches through the temporary folder and looks into it
// while the checkout is open.
func TestSpoolLeavesNothing(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	must(t)(repo.Commit(t.Context(), map[string]string{"a": "1", "b/c": "2"}, "one"))
	dir := t.TempDir()
	client, err := git.NewClient(git.Options{TempDir: dir, MemoryBytes: 1})
	if err != nil {
		t.Fatal(err)
	}
	got, err := fetch(t, client, git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := fs.ReadFile(got.FS(), "b/c"); err != nil || string(b) != "2" {
		t.Errorf("read %q, %v", b, err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("the temporary folder holds %v, %v", left, err)
	}
}

// TestManyFiles reads a tree whose objects arrive as differences to each other.
func TestManyFiles(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo := newRepo(t, server)
	files := map[string]string{}
	base := strings.Repeat("line of configuration\n", 100)
	for i := range 2000 {
		files[fmt.Sprintf("d%d/f%d.yaml", i%20, i)] = fmt.Sprintf("%s# %d\n", base, i)
	}
	must(t)(repo.Commit(t.Context(), files, "one"))
	got, err := fetch(t, newClient(t), git.Remote{URL: repo.URL()}, git.Reference{Branch: "main"}, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range files {
		if b, err := fs.ReadFile(got.FS(), name); err != nil || string(b) != content {
			t.Fatalf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// TestLongNameIsListed says that a name that no disk has keeps nobody from the rest of the
// tree, and cannot be opened.
func TestLongNameIsListed(t *testing.T) {
	server := serve(t, gitserver.Options{})
	repo, ok := newRepo(t, server), must(t)
	blob := ok(repo.WriteObject(t.Context(), "blob", []byte("x")))
	long := strings.Repeat("x", 5000)
	root := ok(repo.WriteObject(t.Context(), "tree", treeObject(t, [3]string{"100644", "f", blob}, [3]string{"100644", long, blob})))
	point(t, repo, "long", root)
	got, err := fetch(t, newClient(t), git.Remote{URL: repo.URL()}, git.Reference{Branch: "long"}, git.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	entries, err := fs.ReadDir(got.FS(), ".")
	if err != nil || len(entries) != 2 {
		t.Errorf("lists %d entries, %v", len(entries), err)
	}
	if content, err := fs.ReadFile(got.FS(), "f"); err != nil || string(content) != "x" {
		t.Errorf("the other file: %q, %v", content, err)
	}
	if _, err := fs.ReadFile(got.FS(), long); err == nil {
		t.Error("a path beyond the limit can be read")
	}
}
