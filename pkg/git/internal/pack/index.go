package pack

import (
	"bytes"
	"compress/zlib"
	"context"
	"crypto/sha1" //nolint:gosec // the hash of the pack format; content is named with collision detection
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

// Limits bound what a pack may cost; every field is needed.
type Limits struct {
	// Objects bounds the number of objects.
	Objects int
	// ObjectBytes bounds one object.
	ObjectBytes int64
	// HeldBytes bounds one object that has to be held in memory.
	HeldBytes int64
	// InflatedBytes bounds the sum of all objects.
	InflatedBytes int64
}

const (
	packHeaderSize  = 12
	packTrailerSize = 20
	packVersion     = 2

	maxDeltaDepth  = 4095
	baseCacheBytes = 32 << 20
	workFactor     = 4
	maxTagNesting  = 10
)

// errCorrupt is wrapped by every refusal of a pack that is not what its format
// or checksum says.
var errCorrupt = errors.New("the pack is corrupt")

func corrupt(format string, args ...any) error {
	return fmt.Errorf("%w: %w", errCorrupt, fmt.Errorf(format, args...))
}

// entry is one object of a pack.
type entry struct {
	start  int64 // offset of the entry, by which other entries name it as base
	data   int64 // offset of the compressed bytes
	stored int64 // inflated size of the compressed bytes
	size   int64 // size of the object
	base   int32 // index of the entry this is a difference to, or noBase
	depth  int32 // length of the chain of differences below
	kind   plumbing.ObjectType
	done   bool // kind and hash are known
}

const noBase = -1

// indexer reads a pack from its first to its last byte, checking as it goes.
type indexer struct {
	ctx     context.Context //nolint:containedctx // one pass over one pack
	p       *Pack
	in      *packReader
	zlib    io.ReadCloser
	refBase map[int32]plumbing.Hash
	total   int64
	buffer  []byte
}

// Index verifies a pack and finds its objects: the checksum over the
// whole, the compressed form, size and hash of each object, and that every
// base is in the pack.
func Index(ctx context.Context, s *spool.Spool, limits Limits) (*Pack, error) {
	p := &Pack{spool: s, limits: limits, cache: newBaseCache(baseCacheBytes)}
	if err := verifyTrailer(ctx, s); err != nil {
		return nil, err
	}
	count, err := readPackHeader(s, limits)
	if err != nil {
		return nil, err
	}
	body := io.NewSectionReader(s, packHeaderSize, s.Size()-packHeaderSize-packTrailerSize)
	x := &indexer{ctx: ctx, p: p, in: newPackReader(body, packHeaderSize), refBase: map[int32]plumbing.Hash{}, buffer: make([]byte, 32<<10)}
	p.entries = make([]entry, 0, min(count, 1<<16))
	p.hashes = make([]plumbing.Hash, 0, min(count, 1<<16))
	for range count {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := x.next(); err != nil {
			return nil, err
		}
	}
	if _, err := x.in.ReadByte(); !errors.Is(err, io.EOF) {
		return nil, corrupt("bytes follow the last object")
	}
	if err := x.resolve(); err != nil {
		return nil, err
	}
	p.byHash = make(map[plumbing.Hash]int32, len(p.entries))
	for i, hash := range p.hashes {
		p.byHash[hash] = int32(i)
	}
	return p, nil
}

// verifyTrailer compares the checksum at the end with the bytes before it.
func verifyTrailer(ctx context.Context, s *spool.Spool) error {
	if s.Size() < packHeaderSize+packTrailerSize {
		return corrupt("%d bytes are too few", s.Size())
	}
	sum := sha1.New() //nolint:gosec // see the import
	body := io.NewSectionReader(s, 0, s.Size()-packTrailerSize)
	if _, err := io.Copy(sum, &contextReader{ctx: ctx, r: body}); err != nil {
		return err
	}
	var want [packTrailerSize]byte
	if _, err := s.ReadAt(want[:], s.Size()-packTrailerSize); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if !bytes.Equal(sum.Sum(nil), want[:]) {
		return corrupt("its checksum does not match its bytes")
	}
	return nil
}

func readPackHeader(s *spool.Spool, limits Limits) (int, error) {
	var header [packHeaderSize]byte
	if _, err := s.ReadAt(header[:], 0); err != nil {
		return 0, err
	}
	if string(header[:4]) != "PACK" || binary.BigEndian.Uint32(header[4:]) != packVersion {
		return 0, corrupt("it does not begin as a pack of version %d", packVersion)
	}
	count := binary.BigEndian.Uint32(header[8:])
	if int64(count) > int64(limits.Objects) {
		return 0, fmt.Errorf("the pack holds %d objects, more than the limit of %d", count, limits.Objects)
	}
	return int(count), nil
}

// next reads one entry.
func (x *indexer) next() error {
	i := int32(len(x.p.entries)) //nolint:gosec // bounded by Limits.Objects
	e := entry{start: x.in.pos, base: noBase}
	kind, stored, err := x.in.header()
	if err != nil {
		return err
	}
	e.kind, e.stored, e.size = kind, stored, stored
	if stored > x.p.limits.ObjectBytes {
		return fmt.Errorf("the pack holds an object of %d bytes, more than the limit of %d", stored, x.p.limits.ObjectBytes)
	}
	switch kind {
	case plumbing.OFSDeltaObject:
		if e.base, err = x.offsetBase(e.start); err != nil {
			return err
		}
	case plumbing.REFDeltaObject:
		var base plumbing.Hash
		if _, err := io.ReadFull(x.in, base[:]); err != nil {
			return corrupt("an object ends early")
		}
		x.refBase[i] = base
	case plumbing.CommitObject, plumbing.TreeObject, plumbing.BlobObject, plumbing.TagObject:
		e.done = true
	default:
		return corrupt("an object has the unknown type %d", kind)
	}
	e.data = x.in.pos
	hash, err := x.body(&e)
	if err != nil {
		return err
	}
	if x.total += e.size; x.total > x.p.limits.InflatedBytes {
		return fmt.Errorf("the objects of the pack inflate to more than the limit of %d bytes", x.p.limits.InflatedBytes)
	}
	x.p.entries, x.p.hashes = append(x.p.entries, e), append(x.p.hashes, hash)
	return nil
}

// offsetBase finds the entry that starts as many bytes before this one as are
// read next.
func (x *indexer) offsetBase(start int64) (int32, error) {
	distance, err := x.in.offset()
	if err != nil {
		return 0, err
	}
	at, found := slices.BinarySearchFunc(x.p.entries, start-distance, func(e entry, want int64) int {
		return int(max(-1, min(1, e.start-want)))
	})
	if !found {
		return 0, corrupt("a difference refers to no object")
	}
	return int32(at), nil //nolint:gosec // bounded by Limits.Objects
}

// body inflates the bytes of an entry: an object is hashed as it streams by, a
// difference only gives the size of what it makes.
func (x *indexer) body(e *entry) (plumbing.Hash, error) {
	if err := x.inflate(); err != nil {
		return plumbing.ZeroHash, err
	}
	content := &contextReader{ctx: x.ctx, r: io.LimitReader(x.zlib, e.stored+1)}
	if e.done {
		hasher := plumbing.NewHasher(e.kind, e.stored)
		n, err := io.CopyBuffer(hasher, content, x.buffer)
		return hasher.Sum(), x.complete(n, e.stored, err)
	}
	head := &deltaHead{}
	n, err := io.CopyBuffer(head, content, x.buffer)
	if err := x.complete(n, e.stored, err); err != nil {
		return plumbing.ZeroHash, err
	}
	_, target, ok := head.sizes()
	if !ok {
		return plumbing.ZeroHash, corrupt("a difference does not tell its size")
	}
	if limit := x.p.limits.HeldBytes; target > limit || e.stored > limit {
		return plumbing.ZeroHash, fmt.Errorf("the pack holds a difference that makes an object of %d bytes, more than the limit of %d", target, limit)
	}
	e.size = target
	return plumbing.ZeroHash, nil
}

func (x *indexer) complete(n, want int64, err error) error {
	switch {
	case err != nil && x.ctx.Err() != nil:
		return x.ctx.Err()
	case err != nil:
		return corrupt("inflating an object: %w", err)
	case n != want:
		return corrupt("an object is not as long as it says")
	}
	return nil
}

// inflate starts to decompress at the current position.
func (x *indexer) inflate() error {
	if x.zlib != nil {
		if err := x.zlib.(zlib.Resetter).Reset(x.in, nil); err != nil {
			return corrupt("inflating an object: %w", err)
		}
		return nil
	}
	z, err := zlib.NewReader(x.in)
	if err != nil {
		return corrupt("inflating an object: %w", err)
	}
	x.zlib = z
	return nil
}

// contextReader stops reading when its context ends.
type contextReader struct {
	ctx context.Context //nolint:containedctx // one copy
	r   io.Reader
}

// Read reads unless the context has ended.
func (c *contextReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
