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
	"sync"
	"time"

	"github.com/capstan-gitops/capstan/pkg/artifact/leftout"
)

const (
	// DefaultMaxBytes is how much content is packed by default.
	DefaultMaxBytes = 1 << 30
	// DefaultMaxFiles is how many files and folders are packed by
	// default.
	DefaultMaxFiles = 1_000_000

	dirMode  = 0o750
	fileMode = 0o600
	execMode = 0o700
)

// PackOptions shape an archive. The zero value packs everything with sha256.
type PackOptions struct {
	// Ignore leaves paths out; nothing if nil.
	Ignore Matcher
	// MaxBytes bounds the sum of the sizes of files; DefaultMaxBytes if zero.
	MaxBytes int64
	// MaxFiles bounds the number of files and folders, ignored ones included;
	// DefaultMaxFiles if zero.
	MaxFiles int
	// Algorithm of the digest; SHA256 if empty.
	Algorithm string
}

// Packed describes an archive that was written.
type Packed struct {
	// Index of what is in it.
	Index *Index
	// Size of the compressed archive in bytes.
	Size int64
	// Digest of the compressed archive.
	Digest string
	// LeftOut are files and folders whose names no consumer would unpack.
	LeftOut leftout.Paths
}

// packer writes one archive.
type packer struct {
	ctx     context.Context //nolint:containedctx // one walk
	fsys    fs.FS
	options PackOptions
	tar     *tar.Writer
	entries []Entry
	leftOut leftout.Paths
	seen    int
	bytes   int64
	buffer  []byte
}

// press is what an archive is written with. It is larger than most archives.
type press struct {
	zip    *gzip.Writer
	buffer []byte
}

var presses = sync.Pool{New: func() any {
	return &press{zip: gzip.NewWriter(io.Discard), buffer: make([]byte, 64<<10)}
}}

// Pack writes the archive of a tree. The bytes written are the same for the
// same tree and the same rules, whenever and wherever they are written.
func Pack(ctx context.Context, w io.Writer, fsys fs.FS, o PackOptions) (Packed, error) {
	o.MaxBytes, o.MaxFiles = cmp.Or(o.MaxBytes, DefaultMaxBytes), cmp.Or(o.MaxFiles, DefaultMaxFiles)
	o.Algorithm = cmp.Or(o.Algorithm, SHA256)
	sum, err := newHash(o.Algorithm)
	if err != nil {
		return Packed{}, fmt.Errorf("packing: %w", err)
	}
	out := &countingWriter{w: io.MultiWriter(w, sum)}
	with := presses.Get().(*press) //nolint:forcetypeassert // Nothing else is in it.
	defer presses.Put(with)
	zipped := with.zip
	zipped.Reset(out)
	p := &packer{ctx: ctx, fsys: fsys, options: o, tar: tar.NewWriter(zipped), buffer: with.buffer}
	if err := fs.WalkDir(fsys, ".", p.visit); err != nil {
		return Packed{}, fmt.Errorf("packing: %w", err)
	}
	if err := errors.Join(p.tar.Close(), zipped.Close()); err != nil {
		return Packed{}, fmt.Errorf("packing: %w", err)
	}
	index, err := newIndex(p.entries)
	if err != nil {
		return Packed{}, fmt.Errorf("packing: %w", err)
	}
	return Packed{Index: index, Size: out.n, Digest: printDigest(o.Algorithm, sum), LeftOut: p.leftOut}, nil
}

// visit packs one path. An ignored folder is left out but still looked into,
// because a rule may take something below it in again. What has a name that no
// consumer would unpack is left out with all below it, as links are: one file must
// not keep the others from the cluster.
func (p *packer) visit(name string, d fs.DirEntry, err error) error {
	if err != nil {
		return err
	}
	if err := p.ctx.Err(); err != nil {
		return err
	}
	if p.seen++; p.seen > p.options.MaxFiles {
		return fmt.Errorf("%w: more than %d files and folders", ErrLimit, p.options.MaxFiles)
	}
	if !d.IsDir() && !d.Type().IsRegular() {
		return nil
	}
	odd := !packable(name)
	ignored := name != "." && p.options.Ignore != nil && p.options.Ignore.Match(name, d.IsDir())
	if odd && !ignored {
		p.leftOut.Add(name)
	}
	switch {
	case odd && d.IsDir():
		return fs.SkipDir
	case odd, ignored:
		return nil
	}
	if d.IsDir() {
		p.entries = append(p.entries, Entry{Path: name, Mode: dirMode, Dir: true})
		return p.tar.WriteHeader(header(name, tar.TypeDir, dirMode, 0))
	}
	return p.file(name, d)
}

func (p *packer) file(name string, d fs.DirEntry) (err error) {
	info, err := d.Info()
	if err != nil {
		return err
	}
	mode := fs.FileMode(fileMode)
	if info.Mode()&0o111 != 0 {
		mode = execMode
	}
	if p.bytes += info.Size(); p.bytes > p.options.MaxBytes {
		return fmt.Errorf("%w: the files have more than %d bytes", ErrLimit, p.options.MaxBytes)
	}
	f, err := p.fsys.Open(name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := p.tar.WriteHeader(header(name, tar.TypeReg, mode, info.Size())); err != nil {
		return err
	}
	sum := sha256.New()
	n, err := p.copy(p.tar, sum, f)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	if n != info.Size() {
		return fmt.Errorf("%s: read %d bytes of a file of %d", name, n, info.Size())
	}
	p.entries = append(p.entries, Entry{Path: name, Mode: mode, Size: n, Digest: hex.EncodeToString(sum.Sum(nil))})
	return nil
}

// copy writes a file to archive and hash, and looks at the context in between.
func (p *packer) copy(w io.Writer, sum hash.Hash, r io.Reader) (int64, error) {
	var total int64
	for {
		if err := p.ctx.Err(); err != nil {
			return total, err
		}
		n, err := r.Read(p.buffer)
		total += int64(n)
		_, _ = sum.Write(p.buffer[:n])
		if _, werr := w.Write(p.buffer[:n]); werr != nil {
			return total, werr
		}
		if errors.Is(err, io.EOF) {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// header has no times, no owner and no trailing slash, as consumers expect.
func header(name string, kind byte, mode fs.FileMode, size int64) *tar.Header {
	return &tar.Header{Typeflag: kind, Name: name, Mode: int64(mode), Size: size, ModTime: time.Time{}}
}

type countingWriter struct {
	w io.Writer
	n int64
}

// Write writes and counts.
func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n += int64(n)
	return n, err
}
