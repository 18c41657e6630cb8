package artifact

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/artifact/internal/once"
	"github.com/capstan-gitops/capstan/pkg/egress"
)

const (
	// IndexDigestKey is the key in the metadata of an artifact that holds the
	// digest of its index.
	IndexDigestKey = "capstan.dev/index-digest"
	// IndexSuffix makes the URL of an index from that of its artifact.
	IndexSuffix = ".index"

	defaultCacheBytes = 512 << 20
	defaultIndexBytes = 64 << 20
	bytesPerEntry     = 192
	bytesPerView      = 1 << 10
)

// CacheOptions shape a Cache.
type CacheOptions struct {
	// Client fetches; it comes from package egress.
	Client *http.Client
	// TempDir holds views too large for memory; the system's if empty.
	TempDir string
	// MaxBytes bounds what is kept while nobody uses it; 512 MiB if zero. Of one
	// source nothing but the newest revision is kept.
	MaxBytes int64
	// MaxIndexBytes bounds the memory of indexes; 64 MiB if zero.
	MaxIndexBytes int64
	// MemoryBytes is how large a view may be and still stay in memory; 4 MiB if
	// zero.
	MemoryBytes int64
	// Limits of one archive.
	Limits Limits
	// IndexLimits of one index.
	IndexLimits IndexLimits
	// Host replaces the host of every URL, for controllers outside the cluster;
	// it is the value of SOURCE_CONTROLLER_LOCALHOST.
	Host string
}

// Cache fetches artifacts and indexes, each digest once for a whole process.
// What it hands out was verified against that digest. It is safe for
// concurrent use.
type Cache struct {
	options CacheOptions
	views   *once.Store[*View]
	indexes *once.Store[*Index]
}

// NewCache returns an empty cache.
func NewCache(o CacheOptions) (*Cache, error) {
	if o.Client == nil {
		return nil, errors.New("making the artifact cache: no client")
	}
	o.IndexLimits = o.IndexLimits.withDefaults()
	o.Limits = o.Limits.withDefaults()
	return &Cache{
		options: o,
		views: once.New(cmp.Or(o.MaxBytes, defaultCacheBytes),
			func(v *View) int64 { return v.Size() + bytesPerView + int64(v.Index().Len())*bytesPerEntry },
			func(v *View) { _ = v.Close() }),
		indexes: once.New(cmp.Or(o.MaxIndexBytes, defaultIndexBytes),
			func(x *Index) int64 { return int64(x.Len()) * bytesPerEntry },
			func(*Index) {}),
	}, nil
}

// Lease keeps a view open. Release it when done.
type Lease struct {
	view    *View
	release func()
}

// View is the leased view.
func (l *Lease) View() *View { return l.view }

// Release gives the view back; the second time does nothing.
func (l *Lease) Release() { l.release() }

// View returns the content of an artifact, fetching it if nobody has. Its
// errors wrap ErrNotFound, ErrDigest, ErrLimit or ErrHostile where that is what
// happened; whether to try again is the caller's choice.
func (c *Cache) View(ctx context.Context, a meta.Artifact) (*Lease, error) {
	digest, err := normalDigest(a.Digest)
	if err != nil {
		return nil, fmt.Errorf("fetching artifact %s: %w", a.Revision, err)
	}
	view, release, err := c.views.Acquire(ctx, seriesOf(a.URL), digest, func(ctx context.Context) (*View, error) {
		view, err := c.fetchView(ctx, a.URL, digest)
		if err != nil {
			return nil, err
		}
		return view, c.share(ctx, a, view)
	})
	if err != nil {
		return nil, fmt.Errorf("fetching artifact %s: %w", a.Revision, err)
	}
	return &Lease{view: view, release: release}, nil
}

// share keeps one index where the one that was published is that of the view.
func (c *Cache) share(ctx context.Context, a meta.Artifact, view *View) error {
	digest := view.Index().Digest()
	if a.Metadata[IndexDigestKey] != digest {
		return nil
	}
	index, release, err := c.indexes.Acquire(ctx, seriesOf(a.URL), digest, func(context.Context) (*Index, error) {
		return view.Index(), nil
	})
	if err != nil {
		return errors.Join(err, view.Close())
	}
	defer release()
	view.share(index)
	return nil
}

// seriesOf names the source of an artifact: the folder that its artifacts are
// served from.
func seriesOf(rawURL string) string { return rawURL[:strings.LastIndexByte(rawURL, '/')+1] }

// Index returns the index an artifact was published with, and false if it was
// published without one.
func (c *Cache) Index(ctx context.Context, a meta.Artifact) (*Index, bool, error) {
	published := a.Metadata[IndexDigestKey]
	if published == "" {
		return nil, false, nil
	}
	digest, err := normalDigest(published)
	if err == nil && algorithmOf(digest) != SHA256 {
		err = errors.New("its digest is not a sha256")
	}
	if err != nil {
		return nil, false, fmt.Errorf("fetching the index of %s: %w", a.Revision, err)
	}
	index, release, err := c.indexes.Acquire(ctx, seriesOf(a.URL), digest, func(ctx context.Context) (*Index, error) {
		return c.fetchIndex(ctx, a.URL+IndexSuffix, digest)
	})
	if err != nil {
		return nil, false, fmt.Errorf("fetching the index of %s: %w", a.Revision, err)
	}
	release()
	return index, true, nil
}

// Close frees what nobody holds.
func (c *Cache) Close() {
	c.views.Drop()
	c.indexes.Drop()
}

// fetchView unpacks and hashes as the bytes arrive. An archive that cannot be
// unpacked is read to its end all the same: bytes that were changed on the way
// are reported as that, whatever else they break.
func (c *Cache) fetchView(ctx context.Context, rawURL, digest string) (*View, error) {
	body, err := c.get(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	sum, err := newHash(algorithmOf(digest))
	if err != nil {
		return nil, err
	}
	bytes := io.TeeReader(io.LimitReader(body, c.options.Limits.Bytes+1), sum)
	view, unpackErr := Unpack(ctx, bytes, UnpackOptions{
		TempDir: c.options.TempDir, MemoryBytes: c.options.MemoryBytes, Limits: c.options.Limits,
	})
	if errors.Is(unpackErr, ErrLimit) || ctx.Err() != nil && unpackErr != nil {
		return nil, unpackErr
	}
	_, readErr := io.Copy(io.Discard, bytes)
	err = unpackErr
	switch {
	case readErr != nil:
		err = egress.RedactError(readErr)
	case printDigest(algorithmOf(digest), sum) != digest:
		err = fmt.Errorf("%w: got %s, want %s", ErrDigest, printDigest(algorithmOf(digest), sum), digest)
	}
	if err != nil {
		if view != nil {
			err = errors.Join(err, view.Close())
		}
		return nil, err
	}
	return view, nil
}

func (c *Cache) fetchIndex(ctx context.Context, rawURL, digest string) (*Index, error) {
	body, err := c.get(ctx, rawURL)
	if err != nil {
		return nil, err
	}
	defer body.Close()
	text, err := io.ReadAll(io.LimitReader(body, c.options.IndexLimits.Bytes+1))
	if err != nil {
		return nil, egress.RedactError(err)
	}
	if int64(len(text)) > c.options.IndexLimits.Bytes {
		return nil, fmt.Errorf("%w: more than %d bytes", ErrLimit, c.options.IndexLimits.Bytes)
	}
	if got := digestOf(text); got != digest {
		return nil, fmt.Errorf("%w: got %s, want %s", ErrDigest, got, digest)
	}
	return DecodeIndex(text, c.options.IndexLimits)
}

// get requests a file of a source's server.
func (c *Cache) get(ctx context.Context, rawURL string) (io.ReadCloser, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		return nil, fmt.Errorf("the URL %s is malformed", egress.Redact(rawURL))
	}
	if c.options.Host != "" {
		u.Host = c.options.Host
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), http.NoBody)
	if err != nil {
		return nil, egress.RedactError(err)
	}
	// The digest is of the bytes as served: nobody may decompress them on the way.
	req.Header.Set("Accept-Encoding", "identity")
	res, err := c.options.Client.Do(req)
	if err != nil {
		return nil, egress.RedactError(err)
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	_ = res.Body.Close()
	shown := egress.Redact(u.String())
	if res.StatusCode == http.StatusNotFound {
		return nil, fmt.Errorf("%w: GET %s", ErrNotFound, shown)
	}
	return nil, fmt.Errorf("GET %s: the server answered %d %s", shown, res.StatusCode, http.StatusText(res.StatusCode))
}
