package pack

import (
	"bufio"
	"io"

	"github.com/go-git/go-git/v5/plumbing"
)

// packReader reads a pack byte by byte and knows where it is. Being a
// ByteReader keeps the decompressor from reading ahead.
type packReader struct {
	in  *bufio.Reader
	pos int64
}

func newPackReader(r io.Reader, pos int64) *packReader {
	return &packReader{in: bufio.NewReaderSize(r, 16<<10), pos: pos}
}

// Read reads and counts.
func (r *packReader) Read(p []byte) (int, error) {
	n, err := r.in.Read(p)
	r.pos += int64(n)
	return n, err
}

// ReadByte reads one byte and counts it.
func (r *packReader) ReadByte() (byte, error) {
	b, err := r.in.ReadByte()
	if err == nil {
		r.pos++
	}
	return b, err
}

// header reads type and inflated size of an entry: three bits of type and four
// of size, then seven bits of size a byte, the highest bit meaning more.
func (r *packReader) header() (plumbing.ObjectType, int64, error) {
	b, err := r.ReadByte()
	if err != nil {
		return 0, 0, corrupt("an object is missing")
	}
	kind := plumbing.ObjectType(b >> 4 & 7)
	size := int64(b & 15)
	for shift := 4; b&0x80 != 0; shift += 7 {
		if shift > 53 {
			return 0, 0, corrupt("the size of an object is too large")
		}
		if b, err = r.ReadByte(); err != nil {
			return 0, 0, corrupt("an object ends early")
		}
		size |= int64(b&0x7f) << shift
	}
	return kind, size, nil
}

// offset reads the distance to the base of a difference: seven bits a byte, each
// further byte standing for one more than its bits say.
func (r *packReader) offset() (int64, error) {
	b, err := r.ReadByte()
	if err != nil {
		return 0, corrupt("an object ends early")
	}
	distance := int64(b & 0x7f)
	for b&0x80 != 0 {
		if distance >= 1<<48 {
			return 0, corrupt("the distance to a base is too large")
		}
		if b, err = r.ReadByte(); err != nil {
			return 0, corrupt("an object ends early")
		}
		distance = (distance+1)<<7 | int64(b&0x7f)
	}
	return distance, nil
}

// deltaHead keeps the first bytes of a difference, which tell the sizes of base
// and result, and drops the rest.
type deltaHead struct {
	kept [20]byte
	n    int
}

// Write keeps what it needs.
func (d *deltaHead) Write(p []byte) (int, error) {
	d.n += copy(d.kept[d.n:], p)
	return len(p), nil
}

func (d *deltaHead) sizes() (base, target int64, ok bool) {
	rest := d.kept[:d.n]
	if base, rest, ok = littleEndian128(rest); !ok {
		return 0, 0, false
	}
	target, _, ok = littleEndian128(rest)
	return base, target, ok
}

// littleEndian128 reads seven bits a byte, the lowest first.
func littleEndian128(in []byte) (int64, []byte, bool) {
	var value int64
	for i, b := range in {
		if i > 7 {
			return 0, nil, false
		}
		value |= int64(b&0x7f) << (7 * i)
		if b&0x80 == 0 {
			return value, in[i+1:], true
		}
	}
	return 0, nil, false
}
