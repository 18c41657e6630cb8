package phase_test

import (
	"bytes"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
	"github.com/capstan-gitops/capstan/source-controller/internal/upstream"
)

// newChart returns a source of blobs as a HelmChart is one: a file with a name
// and words of its own, stored as it is.
func newChart() *source {
	return &source{
		revision: "1.2.3",
		offer: func(version string) upstream.Candidate {
			return upstream.Candidate{Revision: version, File: "podinfo-" + version + ".tgz", Ready: pulled(version)}
		},
		content: func(version string) *upstream.Content {
			return chart("chart " + version)(version)
		},
	}
}

func pulled(version string) upstream.Message {
	return upstream.Message{Reason: meta.ReasonChartPullSucceeded, Text: "pulled 'podinfo' chart with version '" + version + "'"}
}

// chart returns content of these bytes.
func chart(content string) func(version string) *upstream.Content {
	return func(version string) *upstream.Content {
		return &upstream.Content{
			Body: upstream.Blob{Bytes: strings.NewReader(content), Size: int64(len(content))}, Event: pulled(version),
		}
	}
}

func (r *rig) content(t *testing.T, name string) string {
	t.Helper()
	f, err := r.store.Open(name)
	if err != nil {
		return err.Error()
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestBlobIsStoredAsItIs(t *testing.T) {
	r := newRigFor(t, "HelmChart", newChart())
	s, e := r.pass(t)
	if diff := cmp.Diff(reconciler.Done(pulled("1.2.3").Reason, pulled("1.2.3").Text), e.out, outcomes()); diff != "" || e.at != "collect" {
		t.Fatalf("ended in %s, not in words of the kind (-want +got):\n%s", e.at, diff)
	}
	if diff := cmp.Diff([]meta.Reason{meta.ReasonChartPullSucceeded}, reasons(s)); diff != "" || !s.Changed {
		t.Errorf("the event is of the kind, too (-want +got):\n%s", diff)
	}
	if got := r.content(t, s.Artifact.Path); got != "chart 1.2.3" {
		t.Errorf("served is %q", got)
	}
	if s.Artifact.Path != "helmchart/apps/podinfo/podinfo-1.2.3.tgz" || len(s.Artifact.Metadata) > 0 {
		t.Errorf("the name is that of the candidate, and there is no index: %+v", s.Artifact)
	}
	if r.source.closed != 1 {
		t.Errorf("the content was closed %d times", r.source.closed)
	}
	r.restart(t)
	s, e = r.pass(t)
	if e.at != "resolve" || r.source.fetched != 1 || !r.served(t, s.Artifact) {
		t.Errorf("after a restart it is verified and served, without a download: ended in %s, fetched %d times", e.at, r.source.fetched)
	}
}

func TestDamagedBlobIsMadeAgain(t *testing.T) {
	for name, damage := range damages() {
		t.Run(name, func(t *testing.T) {
			r := newRigFor(t, "HelmChart", newChart())
			first, _ := r.pass(t)
			if err := damage(filepath.Join(r.dir, first.Artifact.Path)); err != nil {
				t.Fatal(err)
			}
			r.restart(t)
			s, _ := r.pass(t)
			want := []meta.Reason{meta.ReasonArtifactVerificationFailed, meta.ReasonChartPullSucceeded}
			if diff := cmp.Diff(want, reasons(s)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if got := r.content(t, s.Artifact.Path); got != "chart 1.2.3" || s.Artifact.Digest != first.Artifact.Digest {
				t.Errorf("served is %q as %+v", got, s.Artifact)
			}
		})
	}
}

func TestOldBlobsAreCollected(t *testing.T) {
	r := newRigFor(t, "HelmChart", newChart())
	first, _ := r.pass(t)
	r.age(t, first.Artifact)
	r.source.revision = "1.2.4"
	second, _ := r.pass(t)
	if !r.served(t, first.Artifact) || !r.served(t, second.Artifact) {
		t.Error("the last one is served until the status names the new one")
	}
	r.source.revision = "1.2.5"
	r.pass(t)
	want := []string{".record-podinfo-1.2.4.tgz", ".record-podinfo-1.2.5.tgz", "podinfo-1.2.4.tgz", "podinfo-1.2.5.tgz"}
	if diff := cmp.Diff(want, r.onDisk(t)); diff != "" {
		t.Errorf("two records are kept (-want +got):\n%s", diff)
	}
}

// TestBlobLimits says that a blob is bounded before it is written, and that one
// which is not as large as it says is not stored.
func TestBlobLimits(t *testing.T) {
	cases := map[string]struct {
		why     string
		content *upstream.Content
		want    string
		read    int
	}{
		"TooLarge": {
			why:     "nothing of it is read",
			content: &upstream.Content{Body: upstream.Blob{Bytes: strings.NewReader(strings.Repeat("x", 1001)), Size: 1001}},
			want:    "storing revision '1.2.3': a limit is exceeded: the file has 1001 bytes, more than 1000",
		},
		"Short": {
			why:     "the rest would be missing",
			content: &upstream.Content{Body: upstream.Blob{Bytes: strings.NewReader("x"), Size: 7}},
			want:    "storing revision '1.2.3': read 1 bytes of a file of 7",
			read:    1,
		},
		"NoContent": {
			why: "an upstream has to be one thing or the other", content: &upstream.Content{},
			want: "storing revision '1.2.3': the source returned no content, but <nil>",
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := newRigFor(t, "HelmChart", newChart())
			r.options.MaxBytes = 1000
			read := &counted{}
			if blob, ok := tc.content.Body.(upstream.Blob); ok {
				read.ReaderAt, blob.Bytes = blob.Bytes, read
				tc.content.Body = blob
			}
			r.source.content = func(string) *upstream.Content { return tc.content }
			s, e := r.pass(t)
			want := reconciler.Fail(fault.Retry(meta.ReasonArchiveOperationFailed, errorText(tc.want)))
			if diff := cmp.Diff(want, e.out, outcomes()); diff != "" || e.at != "publish" {
				t.Errorf("%s: ended in %s (-want +got):\n%s", tc.why, e.at, diff)
			}
			if read.n != tc.read {
				t.Errorf("%s: %d bytes were read", tc.why, read.n)
			}
			if left := r.onDisk(t); len(left) > 0 || s.Artifact != nil || r.source.closed != 1 {
				t.Errorf("%s: %v is left, closed %d times", tc.why, left, r.source.closed)
			}
		})
	}
}

func TestBlobBeyondItsSizeIsCut(t *testing.T) {
	r := newRigFor(t, "HelmChart", newChart())
	r.source.content = func(string) *upstream.Content {
		return &upstream.Content{Body: upstream.Blob{Bytes: bytes.NewReader([]byte("chart and more")), Size: 5}}
	}
	s, _ := r.pass(t)
	if got := r.content(t, s.Artifact.Path); got != "chart" {
		t.Errorf("served is %q", got)
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

// counted counts the bytes that are read.
type counted struct {
	io.ReaderAt
	n int
}

func (c *counted) ReadAt(b []byte, at int64) (int, error) {
	n, err := c.ReaderAt.ReadAt(b, at)
	c.n += n
	return n, err
}

// TestMetadataOfCandidateAndContent is a source as an OCIRepository is one: some
// of what the status shows is known with the revision, some with the content.
func TestMetadataOfCandidateAndContent(t *testing.T) {
	files := fstest.MapFS{"deploy.yaml": {Data: []byte("kind: ConfigMap\n")}}
	source := newTree(files)
	tree, offer := source.content, source.offer
	source.offer = func(revision string) upstream.Candidate {
		candidate := offer(revision)
		candidate.Metadata = map[string]string{"tag": revision, "origin": "candidate"}
		return candidate
	}
	source.content = func(revision string) *upstream.Content {
		content := tree(revision)
		content.Metadata = map[string]string{"origin": "content", meta.MetadataIndexDigest: "sha256:of somebody else"}
		return content
	}
	r := newRigFor(t, "OCIRepository", source)
	for range 2 { // the second pass finds nothing to do, and keeps what is known
		s, _ := r.pass(t)
		index := s.Artifact.Metadata[meta.MetadataIndexDigest]
		want := map[string]string{"tag": "a", "origin": "content", meta.MetadataIndexDigest: index}
		if diff := cmp.Diff(want, s.Artifact.Metadata); diff != "" || len(index) != len("sha256:")+64 {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

// TestCompleteTree is a source as a Bucket is one: it has applied the rules of
// its kind, and what it returns is packed as a whole.
func TestCompleteTree(t *testing.T) {
	index := func(complete bool) string {
		files := fstest.MapFS{"deploy.yaml": {}, "logo.png": {}}
		source := newTree(files)
		tree := source.content
		source.content = func(revision string) *upstream.Content {
			content := tree(revision)
			content.Body = upstream.Tree{FS: files, Complete: complete}
			return content
		}
		r := newRigFor(t, "Bucket", source)
		s, _ := r.pass(t)
		return r.content(t, s.Artifact.Path+meta.IndexSuffix)
	}
	if text := index(true); !strings.Contains(text, "logo.png") {
		t.Errorf("left out by default rules: %s", text)
	}
	if text := index(false); strings.Contains(text, "logo.png") {
		t.Errorf("the default rules are not applied: %s", text)
	}
}
