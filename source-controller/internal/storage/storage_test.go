package storage_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/source-controller/internal/storage"
)

const ttl = time.Minute

func ref() storage.Ref { return storage.Ref{Kind: "GitRepository", Namespace: "apps", Name: "podinfo"} }

// store is a Storage with its folder.
type store struct {
	*storage.Storage
	dir   string
	clock *clocktesting.FakeClock
}

func newStore(t *testing.T) *store {
	t.Helper()
	return reopen(t, &store{dir: t.TempDir(), clock: clocktesting.NewFakeClock(time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC))})
}

// reopen opens the storage as a process that has just started does.
func reopen(t *testing.T, s *store) *store {
	t.Helper()
	opened, err := storage.New(storage.Options{
		Dir: s.dir, Advertised: "http://source", TTL: ttl, Records: 2, Clock: s.clock,
	})
	if err != nil {
		t.Fatal(err)
	}
	return &store{Storage: opened, dir: s.dir, clock: s.clock}
}

func digest(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// writes returns a writer of an artifact with that content.
func writes(content string) storage.Writer {
	return func(w io.Writer) (storage.Written, error) {
		_, err := io.WriteString(w, content)
		return storage.Written{Digest: digest(content), Index: []byte("index of " + content), IndexDigest: digest("index of " + content)}, err
	}
}

// writesBlob returns a writer of an artifact without an index.
func writesBlob(content string) storage.Writer {
	return func(w io.Writer) (storage.Written, error) {
		_, err := io.WriteString(w, content)
		return storage.Written{Digest: digest(content)}, err
	}
}

func entry(file, revision string) storage.Entry { return storage.Entry{File: file, Revision: revision} }

// put stores an artifact that was last changed some time ago.
func (s *store) put(t *testing.T, file, content string, age time.Duration) *meta.Artifact {
	t.Helper()
	return s.putBy(t, file, writes(content), age)
}

func (s *store) putBy(t *testing.T, file string, write storage.Writer, age time.Duration) *meta.Artifact {
	t.Helper()
	a, err := s.Put(ref(), entry(file, "main@sha1:"+file), write)
	if err != nil {
		t.Fatal(err)
	}
	s.age(t, a.Path, age)
	if err := s.Check(a); err != nil {
		t.Fatal(err)
	}
	return a
}

func (s *store) age(t *testing.T, name string, age time.Duration) {
	t.Helper()
	at := s.clock.Now().Add(-age)
	if err := os.Chtimes(filepath.Join(s.dir, name), at, at); err != nil {
		t.Fatal(err)
	}
}

// plant writes a file as something else than the storage would.
func (s *store) plant(t *testing.T, name, content string) {
	t.Helper()
	file := filepath.Join(s.dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func (s *store) serves(name string) (string, error) {
	f, err := s.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	return string(content), err
}

// indexed returns the files of artifacts that have an index, in the order of a
// listing.
func indexed(artifacts ...string) []string {
	var records, files []string
	for _, name := range artifacts {
		records = append(records, ".record-"+name)
		files = append(files, name, name+meta.IndexSuffix)
	}
	return append(records, files...)
}

// blobs returns the files of artifacts without an index.
func blobs(artifacts ...string) []string {
	var records []string
	for _, name := range artifacts {
		records = append(records, ".record-"+name)
	}
	return append(records, artifacts...)
}

// files lists everything below the folder.
func (s *store) files(t *testing.T) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(s.dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, d.Name())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestPut(t *testing.T) {
	s := newStore(t)
	a, err := s.Put(ref(), entry("abc.tar.gz", "main@sha1:abc"), writes("content"))
	if err != nil {
		t.Fatal(err)
	}
	size := int64(len("content"))
	want := &meta.Artifact{
		Path: "gitrepository/apps/podinfo/abc.tar.gz", URL: "http://source/gitrepository/apps/podinfo/abc.tar.gz",
		Revision: "main@sha1:abc", Digest: digest("content"), Size: &size, LastUpdateTime: a.LastUpdateTime,
		Metadata: map[string]string{meta.MetadataIndexDigest: digest("index of content")},
	}
	if diff := cmp.Diff(want, a); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if got := a.LastUpdateTime.UTC(); !got.Equal(s.clock.Now().Truncate(time.Second)) {
		t.Errorf("written at %s", got)
	}
	for name, content := range map[string]string{a.Path: "content", a.Path + meta.IndexSuffix: "index of content"} {
		if got, err := s.serves(name); err != nil || got != content {
			t.Errorf("%s is served as %q, %v", name, got, err)
		}
		info, err := os.Stat(filepath.Join(s.dir, name))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v, %v", name, info.Mode(), err)
		}
	}
	if info, err := os.Stat(filepath.Join(s.dir, "gitrepository/apps")); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the folder has mode %v, %v", info.Mode(), err)
	}
	if diff := cmp.Diff(indexed("abc.tar.gz"), s.files(t)); diff != "" {
		t.Errorf("nothing else is left (-want +got):\n%s", diff)
	}
}

// TestPutIsAtomic says that an artifact is there completely or not at all, and
// that a failed one takes nothing away.
func TestPutIsAtomic(t *testing.T) {
	cause := errors.New("no space left")
	s := newStore(t)
	a := s.put(t, "abc.tar.gz", "old", 0)
	for name, file := range map[string]string{"SameFile": "abc.tar.gz", "OtherFile": "def.tar.gz"} {
		t.Run(name, func(t *testing.T) {
			_, err := s.Put(ref(), entry(file, "main@sha1:new"), func(w io.Writer) (storage.Written, error) {
				_, _ = io.WriteString(w, "half of it")
				if got, err := s.serves(a.Path); err != nil || got != "old" {
					t.Errorf("while the new one is written, %q is served, %v", got, err)
				}
				return storage.Written{}, cause
			})
			if !errors.Is(err, cause) {
				t.Errorf("got %v", err)
			}
			if got, err := s.serves(a.Path); err != nil || got != "old" {
				t.Errorf("the old one is served as %q, %v", got, err)
			}
			if diff := cmp.Diff(indexed("abc.tar.gz"), s.files(t)); diff != "" {
				t.Errorf("the failed one left something (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPutReplaces(t *testing.T) {
	s := newStore(t)
	s.put(t, "abc.tar.gz", "old", 0)
	a := s.put(t, "abc.tar.gz", "new and longer", 0)
	if got, err := s.serves(a.Path); err != nil || got != "new and longer" {
		t.Errorf("other settings gave other content of one revision, served is %q, %v", got, err)
	}
}

// TestDamaged says that whatever happens to a stored file, what is not what the
// digest says is not served, before and after a restart, and Check reports it.
func TestDamaged(t *testing.T) {
	cases := map[string]struct {
		why    string
		damage func(t *testing.T, s *store, file string) error
	}{
		"FirstByte": {"any byte counts", func(_ *testing.T, _ *store, file string) error { return flip(file, 0) }},
		"LastByte":  {"any byte counts", func(_ *testing.T, _ *store, file string) error { return flip(file, 6) }},
		"Truncated": {"a full disk, a crash", func(_ *testing.T, _ *store, file string) error { return os.Truncate(file, 3) }},
		"Emptied":   {"a full disk, a crash", func(_ *testing.T, _ *store, file string) error { return os.Truncate(file, 0) }},
		"Extended":  {"bytes after the end", func(_ *testing.T, _ *store, file string) error { return os.WriteFile(file, []byte("contentX"), 0o600) }},
		"Removed":   {"somebody tidied up", func(_ *testing.T, _ *store, file string) error { return os.Remove(file) }},
		"Directory": {"not a file", func(_ *testing.T, _ *store, file string) error {
			return errors.Join(os.Remove(file), os.Mkdir(file, 0o700))
		}},
		"LinkToTheSame": {"a link can be turned at any time", func(_ *testing.T, _ *store, file string) error {
			return errors.Join(os.Rename(file, file+".moved"), os.Symlink(filepath.Base(file)+".moved", file))
		}},
		"SwappedWithAnother": {"a real artifact, but of something else", func(t *testing.T, s *store, file string) error {
			other := s.put(t, "other.tar.gz", "CONTENT", 0)
			return os.Rename(filepath.Join(s.dir, other.Path), file)
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := newStore(t)
			a := s.put(t, "abc.tar.gz", "content", time.Hour)
			damaged(t, s, a, tc.why, tc.damage)
		})
		t.Run("Blob"+name, func(t *testing.T) {
			s := newStore(t)
			a := s.putBy(t, "podinfo-1.2.3.tgz", writesBlob("content"), time.Hour)
			damaged(t, s, a, tc.why, tc.damage)
		})
	}
}

func damaged(t *testing.T, s *store, a *meta.Artifact, why string, damage func(*testing.T, *store, string) error) {
	t.Helper()
	if err := damage(t, s, filepath.Join(s.dir, a.Path)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.serves(a.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: served %q, %v", why, got, err)
	}
	if err := s.Check(a); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("%s: Check says %v", why, err)
	}
	restarted := reopen(t, s)
	if err := restarted.Check(a); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("%s: after a restart Check says %v", why, err)
	}
	if got, err := restarted.serves(a.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s: after a restart served %q, %v", why, got, err)
	}
}

func flip(file string, at int) error {
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	content[at] ^= 1
	return os.WriteFile(file, content, 0o600)
}

func TestOnlyWhatWasVerifiedIsServed(t *testing.T) {
	s := newStore(t)
	a := s.put(t, "abc.tar.gz", "content", 0)
	s = reopen(t, s)
	if got, err := s.serves(a.Path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("after a restart nothing was verified yet, served %q, %v", got, err)
	}
	if err := s.Check(a); err != nil {
		t.Fatal(err)
	}
	if got, err := s.serves(a.Path); err != nil || got != "content" {
		t.Errorf("now it was, served %q, %v", got, err)
	}
	s.age(t, a.Path, time.Hour)
	if got, err := s.serves(a.Path); err != nil || got != "content" {
		t.Errorf("touched but not changed, served %q, %v", got, err)
	}
	for _, planted := range []string{"planted.tar.gz", "planted.tgz", "planted.yaml", "planted.tar.gz.index", "planted"} {
		name := "gitrepository/apps/podinfo/" + planted
		s.plant(t, name, "planted")
		if got, err := s.serves(name); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a file that nobody stored is served as %q, %v, whatever its name: %s", got, err, planted)
		}
	}
}

func TestCheckOfDigests(t *testing.T) {
	s := newStore(t)
	a := s.put(t, "abc.tar.gz", "content", 0)
	other := a.DeepCopy()
	other.Digest = digest("other")
	if err := s.Check(other); !errors.Is(err, storage.ErrDamaged) {
		t.Errorf("the status names another digest: %v", err)
	}
	unknown := a.DeepCopy()
	unknown.Digest = "md5:00"
	if err := s.Check(unknown); err == nil || errors.Is(err, storage.ErrDamaged) {
		t.Errorf("an algorithm that is not known cannot be verified: %v", err)
	}
	for _, algorithm := range []string{"sha256", "sha384", "sha512"} {
		h, err := storage.Hash(algorithm)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.WriteString(h, "content")
		named := a.DeepCopy()
		named.Digest = algorithm + ":" + hex.EncodeToString(h.Sum(nil))
		if err := s.Check(named); err != nil {
			t.Errorf("%s: %v", algorithm, err)
		}
	}
}

// TestNothingOutside says that no path reaches beyond the root: neither one from
// a status that somebody wrote to, nor a name, nor a link planted in the folder.
func TestNothingOutside(t *testing.T) {
	s := newStore(t)
	outside := t.TempDir()
	secret := filepath.Join(outside, "secret.tar.gz")
	if err := os.WriteFile(secret, []byte("canary"), 0o600); err != nil {
		t.Fatal(err)
	}
	up := "../" + filepath.Base(outside) + "/secret.tar.gz"
	s.plant(t, "gitrepository/apps/podinfo/x", "")
	if err := os.Symlink(secret, filepath.Join(s.dir, "link.tar.gz")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(s.dir, "linked")); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{up, "/" + secret, secret, "gitrepository/../" + up, "link.tar.gz", "linked/secret.tar.gz", "", ".."} {
		if err := s.Check(&meta.Artifact{Path: name, Digest: digest("canary")}); err == nil {
			t.Errorf("Check reads %q", name)
		}
		for _, asked := range []string{name, name + meta.IndexSuffix} {
			if got, err := s.serves(asked); err == nil {
				t.Errorf("%q is served: %q", asked, got)
			}
		}
	}
	for _, name := range []string{up, secret, "linked/secret.tar.gz"} {
		if _, err := s.Collect(&meta.Artifact{Path: name}, nil); err == nil {
			t.Errorf("Collect reads the folder of %q", name)
		}
	}
	for _, r := range []storage.Ref{
		{Kind: "..", Namespace: "..", Name: filepath.Base(outside)},
		{Kind: "linked", Namespace: "a", Name: "b"},
	} {
		if _, err := s.Put(r, entry("new.tar.gz", "r"), writes("x")); err == nil {
			t.Errorf("Put writes to %v", r)
		}
		_ = s.Remove(r)
	}
	if _, err := s.Put(ref(), entry("../../../../"+filepath.Base(outside)+"/new.tar.gz", "r"), writes("x")); err == nil {
		t.Error("Put writes outside by the name of a file")
	}
	entries, err := os.ReadDir(outside)
	if err != nil || len(entries) != 1 {
		t.Errorf("the folder beside now holds %v, %v", entries, err)
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "canary" {
		t.Errorf("the file beside is now %q, %v", got, err)
	}
}

func TestRemove(t *testing.T) {
	s := newStore(t)
	s.put(t, "abc.tar.gz", "content", 0)
	other, err := s.Put(storage.Ref{Kind: "GitRepository", Namespace: "apps", Name: "podinfo2"}, entry("x.tar.gz", "r"), writes("x"))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ref()); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ref()); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
	if _, err := os.Stat(filepath.Join(s.dir, "gitrepository/apps/podinfo")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if got, err := s.serves(other.Path); err != nil || got != "x" {
		t.Errorf("the artifact of another object is served as %q, %v", got, err)
	}
}

func TestNewNeedsAFolder(t *testing.T) {
	if _, err := storage.New(storage.Options{Dir: filepath.Join(t.TempDir(), "absent")}); err == nil {
		t.Error("a storage without a folder opens")
	}
}
