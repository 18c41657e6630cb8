package pack

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1" //nolint:gosec // the hash of the pack format
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"

	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

// rawObject is one entry of a pack made by hand.
type rawObject struct {
	kind plumbing.ObjectType
	// base is the hash of a reference difference, or the bytes of an offset.
	base []byte
	body []byte
	// size is what the header says; the length of body if zero.
	size int
}

func deflate(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	if _, err := z.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// build writes the bytes between the count and the checksum.
func build(t testing.TB, objects ...rawObject) []byte {
	t.Helper()
	var out []byte
	for _, o := range objects {
		size := o.size
		if size == 0 {
			size = len(o.body)
		}
		b := byte(o.kind)<<4 | byte(size&15)
		for size >>= 4; size > 0; size >>= 7 {
			out = append(out, b|0x80)
			b = byte(size & 0x7f)
		}
		out = append(append(append(out, b), o.base...), deflate(t, o.body)...)
	}
	return out
}

// spoolOf closes a body with header and checksum.
func spoolOf(t testing.TB, count int, body []byte) *spool.Spool {
	t.Helper()
	header := binary.BigEndian.AppendUint32([]byte("PACK\x00\x00\x00\x02"), uint32(count))
	whole := append(header, body...)
	sum := sha1.Sum(whole) //nolint:gosec // see the import
	s := spool.New(t.TempDir(), 1<<20)
	if _, err := s.Write(append(whole, sum[:]...)); err != nil {
		t.Fatal(err)
	}
	return s
}

var testLimits = Limits{Objects: 1000, ObjectBytes: 1 << 20, HeldBytes: 1 << 16, InflatedBytes: 1 << 21}

// insert is a difference that makes text out of a base of a size.
func insert(base int, text string) []byte {
	return append([]byte{byte(base), byte(len(text)), byte(len(text))}, text...)
}

func TestDifferences(t *testing.T) {
	base := []byte("base")
	hash := plumbing.ComputeHash(plumbing.BlobObject, base)
	blob := rawObject{kind: plumbing.BlobObject, body: base}
	first := byte(len(build(t, blob)))
	want := plumbing.ComputeHash(plumbing.BlobObject, []byte("made"))
	cases := map[string]struct {
		why     string
		objects []rawObject
	}{
		"Offset":        {"the base is so many bytes before", []rawObject{blob, {kind: plumbing.OFSDeltaObject, base: []byte{first}, body: insert(4, "made")}}},
		"Reference":     {"the base is named by its hash", []rawObject{blob, {kind: plumbing.REFDeltaObject, base: hash[:], body: insert(4, "made")}}},
		"BaseComesLast": {"and may follow", []rawObject{{kind: plumbing.REFDeltaObject, base: hash[:], body: insert(4, "made")}, blob}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := Index(t.Context(), spoolOf(t, len(tc.objects), build(t, tc.objects...)), testLimits)
			if err != nil {
				t.Fatal(err)
			}
			defer p.Close()
			r, err := p.Open(want)
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			if got, err := io.ReadAll(r); err != nil || string(got) != "made" {
				t.Errorf("%s: %q, %v", tc.why, got, err)
			}
		})
	}
}

func TestHostilePacks(t *testing.T) {
	blob := rawObject{kind: plumbing.BlobObject, body: []byte("base")}
	nobody := bytes.Repeat([]byte{7}, 20)
	cases := map[string]struct {
		why   string
		count int
		body  []byte
		says  string
	}{
		"TooManyDeclared": {"the count is a lie", 2, build(t, blob), "an object is missing"},
		"TooFewDeclared":  {"bytes follow", 0, build(t, blob), "bytes follow"},
		"Absurd":          {"a count beyond the limit", 1 << 30, build(t, blob), "more than the limit of 1000"},
		"Longer":          {"more inflates than is said", 1, build(t, rawObject{kind: plumbing.BlobObject, body: []byte("abc"), size: 2}), "not as long"},
		"Shorter":         {"less inflates than is said", 1, build(t, rawObject{kind: plumbing.BlobObject, body: []byte("abc"), size: 9}), "not as long"},
		"Large":           {"one object beyond the limit", 1, build(t, rawObject{kind: plumbing.BlobObject, body: make([]byte, 1<<20+1)}), "more than the limit of 1048576"},
		"Sum":             {"all together beyond the limit", 3, build(t, zeros(1<<20), zeros(1<<20-1), zeros(1<<20-2)), "inflate to more"},
		"UnknownType":     {"type 5 is reserved", 1, build(t, rawObject{kind: 5, body: []byte("x")}), "unknown type"},
		"NoBase":          {"a thin pack nobody asked for", 1, build(t, rawObject{kind: plumbing.REFDeltaObject, base: nobody, body: insert(4, "made")}), "not in it"},
		"BeforeTheStart":  {"an offset out of the pack", 1, build(t, rawObject{kind: plumbing.OFSDeltaObject, base: []byte{100}, body: insert(4, "made")}), "refers to no object"},
		"Itself":          {"an offset of zero", 1, build(t, rawObject{kind: plumbing.OFSDeltaObject, base: []byte{0}, body: insert(4, "made")}), "refers to no object"},
		"DifferenceBomb": {"two bytes that say a gigabyte", 2, build(t, blob,
			rawObject{kind: plumbing.REFDeltaObject, base: nobody, body: []byte{4, 0x80, 0x80, 0x80, 0x80, 4, 0}}), "more than the limit of 65536"},
		"WrongBaseSize": {"a difference to something else", 2, build(t, blob,
			rawObject{kind: plumbing.OFSDeltaObject, base: []byte{byte(len(build(t, blob)))}, body: insert(5, "made")}), "corrupt"},
		"Nothing": {"no bytes at all", 1, nil, "an object is missing"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Index(t.Context(), spoolOf(t, tc.count, tc.body), testLimits)
			if err == nil || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("%s: error %v, want %q", tc.why, err, tc.says)
			}
		})
	}
}

func zeros(n int) rawObject { return rawObject{kind: plumbing.BlobObject, body: make([]byte, n)} }

func TestChecksum(t *testing.T) {
	s := spoolOf(t, 1, build(t, rawObject{kind: plumbing.BlobObject, body: []byte("base")}))
	flip := func(at int64) {
		b := make([]byte, 1)
		if _, err := s.ReadAt(b, at); err != nil {
			t.Fatal(err)
		}
		if _, err := s.WriteAt([]byte{b[0] ^ 1}, at); err != nil {
			t.Fatal(err)
		}
	}
	for i := range s.Size() {
		flip(i)
		if _, err := Index(t.Context(), s, testLimits); !errors.Is(err, errCorrupt) {
			t.Errorf("byte %d changed: %v", i, err)
		}
		flip(i)
	}
	if _, err := Index(t.Context(), s, testLimits); err != nil {
		t.Errorf("as it was: %v", err)
	}
}

func FuzzIndex(f *testing.F) {
	blob := rawObject{kind: plumbing.BlobObject, body: []byte("base")}
	hash := plumbing.ComputeHash(plumbing.BlobObject, blob.body)
	f.Add(2, build(f, blob, rawObject{kind: plumbing.REFDeltaObject, base: hash[:], body: insert(4, "made")}))
	f.Fuzz(func(t *testing.T, count int, body []byte) {
		p, err := Index(t.Context(), spoolOf(t, count, body), testLimits)
		if err != nil {
			return
		}
		for i, hash := range p.hashes {
			if p.entries[i].kind != plumbing.BlobObject {
				continue
			}
			r, err := p.Open(hash)
			if err != nil {
				t.Fatalf("an accepted file cannot be opened: %v", err)
			}
			content, err := io.ReadAll(r)
			if err != nil || plumbing.ComputeHash(plumbing.BlobObject, content) != hash {
				t.Errorf("an accepted file does not have its hash: %v", err)
			}
		}
	})
}
