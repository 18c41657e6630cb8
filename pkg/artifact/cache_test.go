package artifact_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/artifact"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

// source serves artifacts, counts requests, and can hold answers back.
type source struct {
	*httptest.Server

	mu       sync.Mutex
	files    map[string][]byte
	requests atomic.Int64
	gate     chan struct{}
	asked    chan struct{}
}

func newSource(t *testing.T) *source {
	t.Helper()
	s := &source{files: map[string][]byte{}, asked: make(chan struct{}, 1)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.Add(1)
		select {
		case s.asked <- struct{}{}:
		default:
		}
		if s.gate != nil {
			select {
			case <-s.gate:
			case <-r.Context().Done():
				return
			}
		}
		s.mu.Lock()
		content, ok := s.files[r.URL.Path]
		s.mu.Unlock()
		if !ok {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write(content)
	}))
	t.Cleanup(s.Close)
	return s
}

// publish packs a tree and serves it with its index.
func (s *source) publish(t *testing.T, name string, tree fs.FS, algorithm string) meta.Artifact {
	t.Helper()
	archive, packed := pack(t, tree, artifact.PackOptions{Algorithm: algorithm})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files["/"+name] = archive
	s.files["/"+name+artifact.IndexSuffix] = packed.Index.Encode()
	return meta.Artifact{
		URL: s.URL + "/" + name, Revision: "main@sha1:" + name, Digest: packed.Digest,
		Metadata: map[string]string{artifact.IndexDigestKey: packed.Index.Digest()},
	}
}

func newCache(t *testing.T, change func(*artifact.CacheOptions)) *artifact.Cache {
	t.Helper()
	client, err := egress.NewClient(egress.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	o := artifact.CacheOptions{Client: client, TempDir: t.TempDir(), MemoryBytes: 1}
	if change != nil {
		change(&o)
	}
	cache, err := artifact.NewCache(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	return cache
}

func TestCacheFetchesOnce(t *testing.T) {
	s := newSource(t)
	s.gate = make(chan struct{})
	a := s.publish(t, "a", sample(), artifact.SHA512)
	cache := newCache(t, nil)
	var group sync.WaitGroup
	for range 50 {
		group.Go(func() {
			lease, err := cache.View(t.Context(), a)
			if err != nil {
				t.Error(err)
				return
			}
			defer lease.Release()
			if b, err := fs.ReadFile(lease.View(), "a.yaml"); err != nil || string(b) != "a" {
				t.Errorf("read %q, %v", b, err)
			}
			if _, ok, err := cache.Index(t.Context(), a); err != nil || !ok {
				t.Errorf("index: %t, %v", ok, err)
			}
		})
	}
	close(s.gate)
	group.Wait()
	if got := s.requests.Load(); got != 1 {
		t.Errorf("%d requests for one archive, which has the index in it, 50 users", got)
	}
}

// TestCacheSharesIndexes has one index of what both an archive and its index show.
func TestCacheSharesIndexes(t *testing.T) {
	for name, requests := range map[string]int64{"IndexFirst": 2, "ArchiveFirst": 1} {
		t.Run(name, func(t *testing.T) {
			s := newSource(t)
			a := s.publish(t, "a", sample(), "")
			cache := newCache(t, nil)
			if name == "IndexFirst" {
				if _, _, err := cache.Index(t.Context(), a); err != nil {
					t.Fatal(err)
				}
			}
			lease, err := cache.View(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			defer lease.Release()
			index, _, err := cache.Index(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			if lease.View().Index() != index {
				t.Error("there are two")
			}
			if got := s.requests.Load(); got != requests {
				t.Errorf("%d requests, want %d", got, requests)
			}
			if err := fstest.TestFS(lease.View(), "a.yaml", "a/x.yaml"); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCacheSurvivesFirstCaller cancels whoever asked first: the others still
// get the answer, from the same request.
func TestCacheSurvivesFirstCaller(t *testing.T) {
	s := newSource(t)
	s.gate = make(chan struct{})
	a := s.publish(t, "a", sample(), "")
	cache := newCache(t, nil)
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error), make(chan error)
	ask := func(ctx context.Context, to chan error) {
		lease, err := cache.View(ctx, a)
		if err == nil {
			lease.Release()
		}
		to <- err
	}
	go ask(ctx, first)
	<-s.asked
	go ask(t.Context(), second)
	cancel()
	if err := <-first; !errors.Is(err, context.Canceled) {
		t.Errorf("the cancelled caller got %v", err)
	}
	close(s.gate)
	if err := <-second; err != nil {
		t.Errorf("the other caller got %v", err)
	}
}

func TestCacheEvicts(t *testing.T) {
	s := newSource(t)
	tree := func(i int) fs.FS {
		return fstest.MapFS{"f": file(strings.Repeat(fmt.Sprint(i), 100_000))}
	}
	cache := newCache(t, func(o *artifact.CacheOptions) { o.MaxBytes = 250_000 })
	pinned, err := cache.View(t.Context(), s.publish(t, "0", tree(0), ""))
	if err != nil {
		t.Fatal(err)
	}
	use := func(i int) int64 {
		t.Helper()
		before := s.requests.Load()
		lease, err := cache.View(t.Context(), s.publish(t, fmt.Sprint(i), tree(i), ""))
		if err != nil {
			t.Fatal(err)
		}
		lease.Release()
		lease.Release()
		return s.requests.Load() - before
	}
	got := []int64{use(1), use(1), use(2), use(1), use(2), use(0)}
	want := []int64{1, 0, 1, 1, 1, 0}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("requests %v, want %v: two of three fit, and one of them is held", got, want)
	}
	if b, err := fs.ReadFile(pinned.View(), "f"); err != nil || len(b) != 100_000 {
		t.Errorf("the held view was closed: %v", err)
	}
	pinned.Release()
}

// TestCacheRefuses guards against artifacts that were tampered with on the way
// from source to consumer.
func TestCacheRefuses(t *testing.T) {
	s := newSource(t)
	good := s.publish(t, "good", sample(), "")
	archive := s.files["/good"]
	changed := func(name string, change func(*meta.Artifact)) meta.Artifact {
		a := good
		a.URL = s.URL + "/" + name
		if change != nil {
			change(&a)
		}
		return a
	}
	s.files["/cut"] = archive[:len(archive)/2]
	s.files["/longer"] = append(bytes.Clone(archive), 'x')
	s.files["/nonsense"] = []byte("nonsense")
	s.files["/empty"] = nil
	s.publish(t, "other", fstest.MapFS{"other": file("o")}, "")
	cases := map[string]struct {
		why string
		a   meta.Artifact
		is  error
	}{
		"NotFound":  {"the server has no such file", changed("gone", nil), artifact.ErrNotFound},
		"Other":     {"another good archive", changed("other", nil), artifact.ErrDigest},
		"Cut":       {"half of it", changed("cut", nil), artifact.ErrDigest},
		"Longer":    {"a byte too many", changed("longer", nil), artifact.ErrDigest},
		"Nonsense":  {"no archive", changed("nonsense", nil), artifact.ErrDigest},
		"EmptyFile": {"no bytes", changed("empty", nil), artifact.ErrDigest},
		"NoDigest":  {"nothing to compare with", changed("good", func(a *meta.Artifact) { a.Digest = "" }), nil},
		"MD5":       {"an algorithm nobody trusts", changed("good", func(a *meta.Artifact) { a.Digest = "md5:00" }), nil},
		"HalfHex":   {"half a digest", changed("good", func(a *meta.Artifact) { a.Digest = "sha256:abcd" }), nil},
		"Hostile":   {"right digest, wrong content", changed("nonsense", func(a *meta.Artifact) { a.Digest = "sha256:" + hash("nonsense") }), artifact.ErrHostile},
		"Redacted":  {"the URL holds a secret", changed("x?token=canary", nil), artifact.ErrNotFound},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			lease, err := newCache(t, nil).View(t.Context(), tc.a)
			if err == nil {
				lease.Release()
			}
			if err == nil || tc.is != nil && !errors.Is(err, tc.is) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v, want %v", tc.why, err, tc.is)
			}
		})
	}
	for i := range archive {
		s.files["/flipped"] = bytes.Clone(archive)
		s.files["/flipped"][i] ^= 1
		if _, err := newCache(t, nil).View(t.Context(), changed("flipped", nil)); !errors.Is(err, artifact.ErrDigest) {
			t.Fatalf("byte %d changed in transit: %v", i, err)
		}
	}
}

func TestCacheAcceptsBareDigest(t *testing.T) {
	s := newSource(t)
	a := s.publish(t, "a", sample(), "")
	a.Digest = strings.TrimPrefix(a.Digest, "sha256:")
	lease, err := newCache(t, nil).View(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
}

func TestCacheIndex(t *testing.T) {
	s := newSource(t)
	a := s.publish(t, "a", sample(), "")
	without, wrong := a, a
	without.Metadata = nil
	wrong.Metadata = map[string]string{artifact.IndexDigestKey: "sha256:" + hash("other")}
	cache := newCache(t, nil)
	if x, ok, err := cache.Index(t.Context(), a); err != nil || !ok || x.Digest() != a.Metadata[artifact.IndexDigestKey] {
		t.Errorf("index %v, %t, %v", x, ok, err)
	}
	if _, ok, err := cache.Index(t.Context(), without); err != nil || ok {
		t.Errorf("without an index: %t, %v", ok, err)
	}
	if _, ok, err := cache.Index(t.Context(), wrong); !errors.Is(err, artifact.ErrDigest) || ok {
		t.Errorf("another index: %t, %v", ok, err)
	}
}

func TestCacheHost(t *testing.T) {
	s := newSource(t)
	a := s.publish(t, "a", sample(), "")
	server, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.URL = "http://source-controller.flux-system.svc.cluster.local./a"
	lease, err := newCache(t, func(o *artifact.CacheOptions) { o.Host = server.Host }).View(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	lease.Release()
}
