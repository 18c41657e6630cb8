package artifact

import (
	"archive/tar"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

const (
	// ratioFloor is how much may be inflated before the ratio counts.
	ratioFloor         = 64 << 20
	defaultMaxRatio    = 200
	defaultInflated    = 2 << 30
	defaultMemoryBytes = 4 << 20
	unpackedDirMode    = 0o700
	permissions        = 0o777
)

// Limits bound what an archive may cost a consumer. A zero field takes its
// default.
type Limits struct {
	// Bytes bounds the compressed archive; DefaultMaxBytes.
	Bytes int64
	// InflatedBytes bounds the archive after decompression; 2 GiB.
	InflatedBytes int64
	// Ratio bounds the inflated by the compressed bytes once more than 64 MiB
	// came out; 200.
	Ratio int64
	// Files bounds the entries; DefaultMaxFiles.
	Files int
}

func (l Limits) withDefaults() Limits {
	return Limits{
		Bytes:         cmp.Or(l.Bytes, DefaultMaxBytes),
		InflatedBytes: cmp.Or(l.InflatedBytes, defaultInflated),
		Ratio:         cmp.Or(l.Ratio, defaultMaxRatio),
		Files:         cmp.Or(l.Files, DefaultMaxFiles),
	}
}

// UnpackOptions say where a view keeps its bytes, and how much it may hold.
type UnpackOptions struct {
	// TempDir holds what does not fit into memory; the system's if empty.
	TempDir string
	// MemoryBytes is how much content stays in memory; 4 MiB if zero.
	MemoryBytes int64
	// Limits of the archive.
	Limits Limits
}

// unpacker reads one archive.
type unpacker struct {
	ctx    context.Context //nolint:containedctx // one archive
	limits Limits
	in     *countingReader // compressed
	out    *countingReader // inflated
	data   *spool.Spool
	sum    hash.Hash // of one file
	sink   io.Writer // to both
	taken  []node
	seen   map[string]byte
	buffer []byte
}

// Unpack reads an archive into a view. Only regular files and folders are
// taken; symbolic links are skipped and anything else is refused, as are names
// that leave the root, repeat, or pass through something that is no folder.
func Unpack(ctx context.Context, r io.Reader, o UnpackOptions) (*View, error) {
	u := &unpacker{
		ctx: ctx, limits: o.Limits.withDefaults(), in: &countingReader{ctx: ctx, r: r},
		seen: map[string]byte{}, buffer: make([]byte, 64<<10),
		data: spool.New(o.TempDir, cmp.Or(o.MemoryBytes, defaultMemoryBytes)), sum: sha256.New(),
	}
	u.sink = io.MultiWriter(u.data, u.sum)
	view, err := u.run()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("unpacking: %w", err), u.data.Close())
	}
	return view, nil
}

func (u *unpacker) run() (*View, error) {
	u.in.check = func(n int64) error {
		if n > u.limits.Bytes {
			return fmt.Errorf("%w: the archive has more than %d bytes", ErrLimit, u.limits.Bytes)
		}
		return nil
	}
	zipped, err := gzip.NewReader(u.in)
	if err != nil {
		return nil, u.refuse("it is not gzipped", err)
	}
	u.out = &countingReader{ctx: u.ctx, r: zipped, check: u.checkInflated}
	archive := tar.NewReader(u.out)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, u.refuse("reading its next entry", err)
		}
		if err := u.entry(h, archive); err != nil {
			return nil, err
		}
	}
	if _, err := io.CopyBuffer(io.Discard, u.out, u.buffer); err != nil {
		return nil, u.refuse("reading its end", err)
	}
	return newView(u.data, u.taken)
}

// checkInflated is asked with every read what has come out so far.
func (u *unpacker) checkInflated(n int64) error {
	if n > u.limits.InflatedBytes {
		return fmt.Errorf("%w: the archive inflates to more than %d bytes", ErrLimit, u.limits.InflatedBytes)
	}
	if n > ratioFloor && n/max(u.in.n, 1) > u.limits.Ratio {
		return fmt.Errorf("%w: the archive inflates to more than %d times its size", ErrLimit, u.limits.Ratio)
	}
	return nil
}

// refuse keeps errors that say what they are, and calls the rest hostile.
func (u *unpacker) refuse(what string, err error) error {
	if errors.Is(err, ErrLimit) || u.ctx.Err() != nil {
		return err
	}
	return fmt.Errorf("%w: %s: %w", ErrHostile, what, err)
}

// entry takes one entry of the archive.
func (u *unpacker) entry(h *tar.Header, content io.Reader) error {
	if h.Typeflag == tar.TypeXGlobalHeader {
		return nil
	}
	if len(u.seen) >= u.limits.Files {
		return fmt.Errorf("%w: the archive has more than %d entries", ErrLimit, u.limits.Files)
	}
	name := strings.TrimPrefix(strings.TrimSuffix(h.Name, "/"), "./")
	if err := checkPath(name); err != nil {
		return fmt.Errorf("%w: %w", ErrHostile, err)
	}
	if err := u.place(name, h.Typeflag); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeSymlink:
		return nil
	case tar.TypeDir:
		u.taken = append(u.taken, node{entry: Entry{Path: name, Mode: fs.FileMode(h.Mode)&permissions | unpackedDirMode, Dir: true}})
		return nil
	case tar.TypeReg:
		return u.file(name, h, content)
	}
	return fmt.Errorf("%w: %q is neither a file nor a folder", ErrHostile, name)
}

// place refuses a name that was there before or whose folder is something
// else. A skipped link keeps its name: nothing can be put in its place.
func (u *unpacker) place(name string, kind byte) error {
	if _, ok := u.seen[name]; ok {
		return fmt.Errorf("%w: the path %q occurs twice", ErrHostile, name)
	}
	if name == "." && kind != tar.TypeDir {
		return fmt.Errorf("%w: the root is not a folder", ErrHostile)
	}
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		switch u.seen[dir] {
		case 0, tar.TypeDir:
		default:
			return fmt.Errorf("%w: the path %q leads through something that is no folder", ErrHostile, name)
		}
	}
	u.seen[name] = kind
	return nil
}

func (u *unpacker) file(name string, h *tar.Header, content io.Reader) error {
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return fmt.Errorf("%w: %q is a sparse file", ErrHostile, name)
		}
	}
	start := u.data.Size()
	if start+h.Size > u.limits.InflatedBytes {
		return fmt.Errorf("%w: the files have more than %d bytes", ErrLimit, u.limits.InflatedBytes)
	}
	u.sum.Reset()
	n, err := io.CopyBuffer(u.sink, content, u.buffer)
	if err != nil {
		return u.refuse(fmt.Sprintf("reading %q", name), err)
	}
	if n != h.Size {
		return fmt.Errorf("%w: %q is not as long as it says", ErrHostile, name)
	}
	u.taken = append(u.taken, node{offset: start, entry: Entry{
		Path: name, Mode: fs.FileMode(h.Mode) & permissions, Size: n, Digest: hex.EncodeToString(u.sum.Sum(nil)),
	}})
	return nil
}

// countingReader counts what it reads, asks whether it may go on, and stops
// when its context ends.
type countingReader struct {
	ctx   context.Context //nolint:containedctx // one archive
	r     io.Reader
	n     int64
	check func(int64) error
}

// Read reads and checks.
func (c *countingReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := c.r.Read(p)
	c.n += int64(n)
	if c.check != nil {
		if limit := c.check(c.n); limit != nil {
			return n, limit
		}
	}
	return n, err
}
