package inventory

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
)

const (
	desiredSize = 6
	recordSize  = 2 * desiredSize
	// recordText is the length of a Record on the wire.
	recordText = 16
)

// Key is the secret of an installation that desired digests and those of inputs are keyed
// with.
type Key []byte

// DesiredDigest is 48 bits of a digest: enough to tell two states of one object apart.
type DesiredDigest [desiredSize]byte

// Desired folds parts into a keyed digest. Parts are length-prefixed, so that moving
// a byte from one part to the next gives another digest.
func (k Key) Desired(parts ...[]byte) DesiredDigest {
	var m DesiredDigest
	copy(m[:], k.sum(parts...))
	return m
}

func (k Key) sum(parts ...[]byte) []byte {
	h := hmac.New(sha256.New, k)
	var size [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write(part)
	}
	return h.Sum(nil)
}

// Fingerprint is what a metadata watch can tell about the live state of an
// object. Strong changes when somebody changed what we applied; Weak changes when
// the object changed in a way that may or may not concern us.
type Fingerprint struct {
	Strong uint32
	Weak   uint16
}

// Record is the ledger record of one object.
type Record struct {
	// Desired is the digest of what was asked for.
	Desired DesiredDigest
	// Live is the fingerprint of the answer to our apply.
	Live Fingerprint
}

// IsZero reports whether nothing is recorded.
func (r Record) IsZero() bool { return r == Record{} }

// String returns the wire form: 16 characters of base64url.
func (r Record) String() string {
	raw := make([]byte, 0, recordSize)
	raw = append(raw, r.Desired[:]...)
	raw = binary.BigEndian.AppendUint32(raw, r.Live.Strong)
	raw = binary.BigEndian.AppendUint16(raw, r.Live.Weak)
	return base64.RawURLEncoding.EncodeToString(raw)
}

// ParseRecord reads the wire form of a Record. A record that cannot be read is
// worth no more than a missing one: callers treat the object as unknown.
func ParseRecord(text string) (Record, error) {
	if len(text) != recordText {
		return Record{}, errors.New("reading ledger record: it is not 16 characters long")
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil || len(raw) != recordSize { // the decoder skips line breaks
		return Record{}, errors.New("reading ledger record: it is not base64url")
	}
	var r Record
	copy(r.Desired[:], raw[:desiredSize])
	r.Live.Strong = binary.BigEndian.Uint32(raw[desiredSize:])
	r.Live.Weak = binary.BigEndian.Uint16(raw[desiredSize+4:])
	return r, nil
}
