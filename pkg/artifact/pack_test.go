package artifact_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/pkg/artifact"
)

func file(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content), Mode: 0o644} }

// sample has everything a tree can hold.
func sample() fstest.MapFS {
	return fstest.MapFS{
		"b.yaml":    file("b"),
		"a/x.yaml":  file("x"),
		"a/run.sh":  {Data: []byte("#!"), Mode: 0o755},
		"a.yaml":    file("a"),
		"empty":     {Mode: fs.ModeDir | 0o755},
		"link":      {Data: []byte("b.yaml"), Mode: fs.ModeSymlink | 0o777},
		"pipe":      {Mode: fs.ModeNamedPipe | 0o600},
		".git/HEAD": file("ref"),
	}
}

func pack(t *testing.T, fsys fs.FS, o artifact.PackOptions) ([]byte, artifact.Packed) {
	t.Helper()
	var out bytes.Buffer
	packed, err := artifact.Pack(t.Context(), &out, fsys, o)
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), packed
}

func TestPackFormat(t *testing.T) {
	matcher, err := artifact.NewMatcher(sample(), "")
	if err != nil {
		t.Fatal(err)
	}
	archive, packed := pack(t, sample(), artifact.PackOptions{Ignore: matcher})
	zipped, err := gzip.NewReader(bytes.NewReader(archive))
	if err != nil {
		t.Fatal(err)
	}
	if zipped.Name != "" || !zipped.ModTime.IsZero() {
		t.Errorf("the gzip header holds name %q and time %s", zipped.Name, zipped.ModTime)
	}
	var got []string
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprintf("%c %04o %s %d", h.Typeflag, h.Mode, h.Name, h.Size))
		if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Unix() != 0 || !h.AccessTime.IsZero() {
			t.Errorf("%s holds owner or time: %+v", h.Name, h)
		}
	}
	want := []string{
		"5 0750 . 0", "5 0750 a 0", "0 0700 a/run.sh 2", "0 0600 a/x.yaml 1", "0 0600 a.yaml 1", "0 0600 b.yaml 1", "5 0750 empty 0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	sum := sha256.Sum256(archive)
	if packed.Digest != "sha256:"+hex.EncodeToString(sum[:]) || packed.Size != int64(len(archive)) {
		t.Errorf("digest %s and size %d are not those of the bytes", packed.Digest, packed.Size)
	}
	again, _ := pack(t, sample(), artifact.PackOptions{Ignore: matcher})
	if !bytes.Equal(archive, again) {
		t.Error("the same tree gives other bytes the second time")
	}
	wantIndex := "capstan-index 1\nd 0750 .\nd 0750 a\nf 0600 1 " + hash("a") + " a.yaml\nf 0700 2 " + hash("#!") +
		" a/run.sh\nf 0600 1 " + hash("x") + " a/x.yaml\nf 0600 1 " + hash("b") + " b.yaml\nd 0750 empty\n"
	if diff := cmp.Diff(wantIndex, string(packed.Index.Encode())); diff != "" {
		t.Errorf("index (-want +got)\n%s", diff)
	}
}

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestPackRefuses(t *testing.T) {
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	cases := map[string]struct {
		why     string
		ctx     context.Context
		fsys    fs.FS
		options artifact.PackOptions
		is      error
		says    string
	}{
		"Bytes":     {"too much content", t.Context(), sample(), artifact.PackOptions{MaxBytes: 3}, artifact.ErrLimit, "3 bytes"},
		"Files":     {"too many files", t.Context(), sample(), artifact.PackOptions{MaxFiles: 3}, artifact.ErrLimit, "3 files"},
		"Algorithm": {"nobody could verify it", t.Context(), sample(), artifact.PackOptions{Algorithm: "md5"}, nil, "md5"},
		"Cancelled": {"the context ends it", cancelled, sample(), artifact.PackOptions{}, context.Canceled, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := artifact.Pack(tc.ctx, io.Discard, tc.fsys, tc.options)
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: error %v, want %v %q", tc.why, err, tc.is, tc.says)
			}
		})
	}
}

func TestIgnore(t *testing.T) {
	cases := map[string]struct {
		why   string
		files []string
		rules map[string]string
		spec  string
		want  []string
	}{
		"Defaults": {"apply if nobody says anything", []string{"a.yaml", "a.png", ".github/w.yaml", "x/.flux.yaml", ".gitignore", ".git/HEAD", "x.tar.gz"}, nil, "",
			[]string{"a.yaml"}},
		"CommentsAreNoPatterns": {"defaults still apply", []string{"a.yaml", "a.png"}, map[string]string{".sourceignore": "# nothing\n\n"}, "\n# nothing\n",
			[]string{".sourceignore", "a.yaml"}},
		"SpecReplacesDefaults": {"one pattern ends the defaults, not the VCS rules", []string{"a.yaml", "a.png", "b.txt", ".gitignore"}, nil, "*.txt\n",
			[]string{"a.png", "a.yaml"}},
		"FileReplacesDefaults": {"so does one in a folder", []string{"a.png", "d/b.txt", "b.txt"}, map[string]string{"d/.sourceignore": "*.txt"}, "",
			[]string{"a.png", "b.txt", "d/.sourceignore"}},
		"SpecWins": {"the last match wins", []string{"keep.txt", "drop.txt"}, map[string]string{".sourceignore": "*.txt\r\n"}, "!keep.txt",
			[]string{".sourceignore", "keep.txt"}},
		"Allowlist": {"an ignored folder is still looked into", []string{"a/x", "deploy/y", "deploy/sub/z"}, nil, "/*\n!/deploy\n",
			[]string{"deploy/sub/z", "deploy/y"}},
		"ReincludeBelow": {"a child comes back without its folder", []string{"d/x", "d/keep/y"}, nil, "/d/\n!/d/keep/\n!/d/keep/**\n",
			[]string{"d/keep/y"}},
		"GitNotDescended": {"rules inside .git are none", []string{"a.txt", "a.png"}, map[string]string{".git/.sourceignore": "*"}, "",
			[]string{"a.txt"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			fsys := fstest.MapFS{}
			for _, f := range tc.files {
				fsys[f] = file(f)
			}
			for f, rules := range tc.rules {
				fsys[f] = file(rules)
			}
			matcher, err := artifact.NewMatcher(fsys, tc.spec)
			if err != nil {
				t.Fatal(err)
			}
			_, packed := pack(t, fsys, artifact.PackOptions{Ignore: matcher})
			var got []string
			for _, e := range packed.Index.Entries() {
				if !e.Dir {
					got = append(got, e.Path)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: (-want +got)\n%s", tc.why, diff)
			}
		})
	}
}

func TestIgnoreLimits(t *testing.T) {
	if _, err := artifact.NewMatcher(fstest.MapFS{".sourceignore": file(strings.Repeat("x\n", 1<<20))}, ""); !errors.Is(err, artifact.ErrLimit) {
		t.Errorf("a rule file of 2 MiB: %v", err)
	}
	if _, err := artifact.NewMatcher(fstest.MapFS{}, strings.Repeat("x\n", 20_000)); !errors.Is(err, artifact.ErrLimit) {
		t.Errorf("20,000 rules: %v", err)
	}
}

func TestIndexLookups(t *testing.T) {
	_, before := pack(t, sample(), artifact.PackOptions{})
	changed, added := sample(), sample()
	changed["a/x.yaml"] = file("other")
	added["a/new.yaml"] = file("n")
	_, afterChange := pack(t, changed, artifact.PackOptions{})
	_, afterAdd := pack(t, added, artifact.PackOptions{})
	lookup := func(f func(string) (string, bool), name string) string {
		digest, ok := f(name)
		return fmt.Sprint(digest, ok)
	}
	same := func(x, y *artifact.Index, name string) [2]bool {
		return [2]bool{lookup(x.File, name) == lookup(y.File, name), lookup(x.Dir, name) == lookup(y.Dir, name)}
	}
	got := map[string][2]bool{
		"changed file":             same(before.Index, afterChange.Index, "a/x.yaml"),
		"folder of a changed file": same(before.Index, afterChange.Index, "a"),
		"folder of an added file":  same(before.Index, afterAdd.Index, "a"),
		"root above an added file": same(before.Index, afterAdd.Index, "."),
		"added file":               same(before.Index, afterAdd.Index, "a/new.yaml"),
	}
	want := map[string][2]bool{
		"changed file": {false, true}, "folder of a changed file": {true, true}, "folder of an added file": {true, false},
		"root above an added file": {true, true}, "added file": {false, true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what stays the same (-want +got)\n%s", diff)
	}
	if digest, ok := before.Index.File("b.yaml"); !ok || digest != "sha256:"+hash("b") {
		t.Errorf("b.yaml has digest %s, %t", digest, ok)
	}
	if _, ok := before.Index.File("a"); ok {
		t.Error("a folder is found as a file")
	}
	if _, ok := before.Index.Dir("b.yaml"); ok {
		t.Error("a file is found as a folder")
	}
}

func TestDecodeIndex(t *testing.T) {
	_, packed := pack(t, sample(), artifact.PackOptions{})
	text := string(packed.Index.Encode())
	decoded, err := artifact.DecodeIndex([]byte(text), artifact.IndexLimits{})
	if err != nil || decoded.Digest() != packed.Index.Digest() || !slices.Equal(decoded.Entries(), packed.Index.Entries()) {
		t.Fatalf("the index does not survive encoding: %v", err)
	}
	h := hash("")
	cases := map[string]struct {
		why, text string
		limits    artifact.IndexLimits
		is        error
	}{
		"Empty":     {"no head", "", artifact.IndexLimits{}, artifact.ErrHostile},
		"Version":   {"another version", "capstan-index 2\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Order":     {"not sorted", "capstan-index 1\nd 0750 b\nd 0750 a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Twice":     {"two of one name", "capstan-index 1\nd 0750 a\nd 0750 a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Upwards":   {"a path that leaves", "capstan-index 1\nf 0600 0 " + h + " ../a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Absolute":  {"an absolute path", "capstan-index 1\nf 0600 0 " + h + " /a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Digest":    {"half a digest", "capstan-index 1\nf 0600 0 abcd a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"Negative":  {"a negative size", "capstan-index 1\nf 0600 -1 " + h + " a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"LeadZero":  {"a second spelling", "capstan-index 1\nf 0600 00 " + h + " a\n", artifact.IndexLimits{}, artifact.ErrHostile},
		"NoNewline": {"cut", strings.TrimSuffix(text, "\n"), artifact.IndexLimits{}, artifact.ErrHostile},
		"Entries":   {"too many", text, artifact.IndexLimits{Entries: 2}, artifact.ErrLimit},
		"Bytes":     {"too long", text, artifact.IndexLimits{Bytes: 20}, artifact.ErrLimit},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := artifact.DecodeIndex([]byte(tc.text), tc.limits); !errors.Is(err, tc.is) {
				t.Errorf("%s: %v, want %v", tc.why, err, tc.is)
			}
		})
	}
}
