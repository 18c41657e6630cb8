package pack

import (
	"bufio"
	"bytes"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"sync"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

// Pack is a verified pack and the way to its objects. Reading is safe for
// concurrent use.
type Pack struct {
	spool   *spool.Spool
	limits  Limits
	entries []entry
	hashes  []plumbing.Hash
	byHash  map[plumbing.Hash]int32
	cache   *baseCache
	work    int64 // bytes made while resolving differences
	inflate sync.Pool
}

// Has reports whether an object is in the pack.
func (p *Pack) Has(hash plumbing.Hash) bool {
	_, ok := p.byHash[hash]
	return ok
}

// Len is the number of objects.
func (p *Pack) Len() int { return len(p.entries) }

// Bytes is the size of the pack.
func (p *Pack) Bytes() int64 { return p.spool.Size() }

// Close frees the bytes of the pack.
func (p *Pack) Close() error { return p.spool.Close() }

// resolve gives every difference its type and hash. Differences named by
// offset come after their base; those named by hash may come before it, so the
// rest is gone over until nothing is left or nothing moves.
func (x *indexer) resolve() error {
	known := map[plumbing.Hash]int32{}
	if len(x.refBase) > 0 {
		for i, e := range x.p.entries {
			if e.done {
				known[x.p.hashes[i]] = int32(i) //nolint:gosec // bounded by Limits.Objects
			}
		}
	}
	for {
		left, moved := 0, 0
		for i := range x.p.entries {
			if x.p.entries[i].done {
				continue
			}
			done, err := x.resolveOne(int32(i), known) //nolint:gosec // bounded by Limits.Objects
			if err != nil {
				return err
			}
			if done {
				moved++
			} else {
				left++
			}
		}
		if left == 0 {
			return nil
		}
		if moved == 0 {
			return corrupt("the bases of %d differences are not in it", left)
		}
	}
}

// resolveOne computes one difference if its base is known.
func (x *indexer) resolveOne(i int32, known map[plumbing.Hash]int32) (bool, error) {
	if err := x.ctx.Err(); err != nil {
		return false, err
	}
	e := &x.p.entries[i]
	if e.base == noBase {
		base, ok := known[x.refBase[i]]
		if !ok {
			return false, nil
		}
		e.base = base
	}
	base := &x.p.entries[e.base]
	if !base.done {
		return false, nil
	}
	if e.depth = base.depth + 1; e.depth > maxDeltaDepth {
		return false, corrupt("a chain of differences is longer than %d", maxDeltaDepth)
	}
	if base.size > x.p.limits.HeldBytes {
		return false, fmt.Errorf("the pack holds a difference to an object of %d bytes, more than the limit of %d", base.size, x.p.limits.HeldBytes)
	}
	content, err := x.p.content(i)
	if err != nil {
		return false, err
	}
	if x.p.work > workFactor*x.p.limits.InflatedBytes {
		return false, errors.New("the differences of the pack take too much work to resolve")
	}
	e.kind, e.done = base.kind, true
	x.p.hashes[i] = plumbing.ComputeHash(e.kind, content)
	if len(x.refBase) > 0 {
		known[x.p.hashes[i]] = i
	}
	return true, nil
}

// content returns an object that is held in memory: down the chain of
// differences to something whole, and up again. Callers do not change it.
func (p *Pack) content(i int32) ([]byte, error) {
	var chain []int32
	var content []byte
	for {
		if cached, ok := p.cache.get(i); ok {
			content = cached
			break
		}
		if p.entries[i].base == noBase {
			var err error
			if content, err = p.stored(i); err != nil {
				return nil, err
			}
			break
		}
		chain = append(chain, i)
		i = p.entries[i].base
	}
	for _, j := range slices.Backward(chain) {
		p.cache.put(i, content)
		delta, err := p.stored(j)
		if err != nil {
			return nil, err
		}
		if content, err = packfile.PatchDelta(content, delta); err != nil {
			return nil, corrupt("applying a difference: %w", err)
		}
		if int64(len(content)) != p.entries[j].size {
			return nil, corrupt("a difference makes an object of another size than it says")
		}
		p.cache.addWork(&p.work, int64(len(content)+len(delta)))
		i = j
	}
	return content, nil
}

// stored returns the bytes of an entry.
func (p *Pack) stored(i int32) ([]byte, error) {
	r, err := p.stream(i)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	out := make([]byte, p.entries[i].stored)
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, corrupt("inflating an object: %w", err)
	}
	return out, nil
}

func (p *Pack) stream(i int32) (io.ReadCloser, error) {
	from := p.entries[i].data
	end := p.spool.Size() - packTrailerSize
	if int(i)+1 < len(p.entries) {
		end = p.entries[i+1].start
	}
	section := io.NewSectionReader(p.spool, from, end-from)
	if used, ok := p.inflate.Get().(*inflater); ok {
		used.in.Reset(section)
		if err := used.z.(zlib.Resetter).Reset(used.in, nil); err != nil {
			return nil, corrupt("inflating an object: %w", err)
		}
		return &inflating{inflater: used, pool: &p.inflate}, nil
	}
	fresh := &inflater{in: bufio.NewReader(section)}
	var err error
	if fresh.z, err = zlib.NewReader(fresh.in); err != nil {
		return nil, corrupt("inflating an object: %w", err)
	}
	return &inflating{inflater: fresh, pool: &p.inflate}, nil
}

// inflater is a decompressor that is used again: making one costs more than
// most objects do.
type inflater struct {
	in *bufio.Reader
	z  io.ReadCloser
}

// inflating is an inflater in use; closing it gives it back.
type inflating struct {
	*inflater

	pool *sync.Pool
}

// Read inflates.
func (i *inflating) Read(p []byte) (int, error) {
	if i.inflater == nil {
		return 0, fs.ErrClosed
	}
	return i.z.Read(p)
}

// Close gives the inflater back.
func (i *inflating) Close() error {
	if i.inflater != nil {
		i.pool.Put(i.inflater)
		i.inflater = nil
	}
	return nil
}

// find returns the entry of an object that should be of a kind.
func (p *Pack) find(hash plumbing.Hash, kind plumbing.ObjectType) (int32, error) {
	i, ok := p.byHash[hash]
	if !ok {
		return 0, fmt.Errorf("the %s %s is missing from what the server sent", kind, hash)
	}
	if got := p.entries[i].kind; kind != plumbing.AnyObject && got != kind {
		return 0, fmt.Errorf("the object %s is a %s where a %s is expected", hash, got, kind)
	}
	return i, nil
}

// Open streams a blob; one that arrived as a difference is held in memory.
func (p *Pack) Open(hash plumbing.Hash) (io.ReadCloser, error) {
	i, err := p.find(hash, plumbing.BlobObject)
	if err != nil {
		return nil, err
	}
	if p.entries[i].base == noBase {
		z, err := p.stream(i)
		if err != nil {
			return nil, err
		}
		return struct {
			io.Reader
			io.Closer
		}{io.LimitReader(z, p.entries[i].size), z}, nil
	}
	content, err := p.content(i)
	if err != nil {
		return nil, err
	}
	return io.NopCloser(bytes.NewReader(content)), nil
}

// Size is that of a file.
func (p *Pack) Size(hash plumbing.Hash) (int64, error) {
	i, err := p.find(hash, plumbing.BlobObject)
	if err != nil {
		return 0, err
	}
	return p.entries[i].size, nil
}

// Decode reads an object of a kind into one of go-git's types.
func (p *Pack) Decode(hash plumbing.Hash, kind plumbing.ObjectType, into func(plumbing.EncodedObject) error) error {
	i, err := p.find(hash, kind)
	if err != nil {
		return err
	}
	if p.entries[i].size > p.limits.HeldBytes {
		return fmt.Errorf("the %s %s has %d bytes, more than the limit of %d", kind, hash, p.entries[i].size, p.limits.HeldBytes)
	}
	content, err := p.content(i)
	if err != nil {
		return err
	}
	encoded := &plumbing.MemoryObject{}
	encoded.SetType(kind)
	if _, err := encoded.Write(content); err != nil {
		return err
	}
	if err := into(encoded); err != nil {
		return corrupt("reading the %s %s: %w", kind, hash, err)
	}
	return nil
}

// Commit follows tags to the commit they lead to.
func (p *Pack) Commit(hash plumbing.Hash) (*object.Commit, error) {
	for range maxTagNesting {
		i, err := p.find(hash, plumbing.AnyObject)
		if err != nil {
			return nil, err
		}
		if p.entries[i].kind != plumbing.TagObject {
			commit := &object.Commit{}
			return commit, p.Decode(hash, plumbing.CommitObject, commit.Decode)
		}
		tag := &object.Tag{}
		if err := p.Decode(hash, plumbing.TagObject, tag.Decode); err != nil {
			return nil, err
		}
		hash = tag.Target
	}
	return nil, fmt.Errorf("the tag leads through more than %d tags", maxTagNesting)
}

// baseCache holds objects that others are differences to, the oldest leaving
// first.
type baseCache struct {
	mu    sync.Mutex
	limit int64
	held  int64
	items map[int32][]byte
	order []int32
}

func newBaseCache(limit int64) *baseCache {
	return &baseCache{limit: limit, items: map[int32][]byte{}}
}

func (c *baseCache) get(i int32) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	content, ok := c.items[i]
	return content, ok
}

func (c *baseCache) put(i int32, content []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.items[i]; ok || int64(len(content)) > c.limit/4 {
		return
	}
	c.items[i], c.order, c.held = content, append(c.order, i), c.held+int64(len(content))
	for c.held > c.limit {
		oldest := c.order[0]
		c.order = c.order[1:]
		c.held -= int64(len(c.items[oldest]))
		delete(c.items, oldest)
	}
}

// addWork counts under the lock that concurrent readers share anyway.
func (c *baseCache) addWork(work *int64, n int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*work += n
}
