package revision

import (
	"errors"
	"fmt"
	"strings"
)

// MaxLength bounds the text of a revision: longer text is refused before it is
// looked at.
const MaxLength = 4096

// ErrInvalid is what every error of Parse wraps.
var ErrInvalid = errors.New("invalid revision")

// Revision is a name and a digest. The name is empty for a revision that is a
// digest alone.
type Revision struct {
	// Name is the branch, tag or full reference, as the user wrote it.
	Name string
	// Algorithm is that of the digest, for example sha1 or sha256.
	Algorithm string
	// Hex is the digest in lower-case hexadecimal.
	Hex string
}

// New returns the revision of a commit or manifest found under a name. The
// name may be empty.
func New(name, algorithm, hex string) Revision {
	return Revision{Name: name, Algorithm: algorithm, Hex: hex}
}

// Parse takes a revision apart. The last "@" separates name and digest, so a
// name may contain "@" itself.
func Parse(text string) (Revision, error) {
	if len(text) > MaxLength {
		return Revision{}, fmt.Errorf("%w: %d bytes are more than %d", ErrInvalid, len(text), MaxLength)
	}
	name, digest := "", text
	if i := strings.LastIndexByte(text, '@'); i >= 0 {
		name, digest = text[:i], text[i+1:]
		if name == "" {
			return Revision{}, fmt.Errorf("%w %q: the name before @ is empty", ErrInvalid, text)
		}
	}
	if i := strings.IndexFunc(name, isControl); i >= 0 {
		return Revision{}, fmt.Errorf("%w %q: the name contains a control character", ErrInvalid, text)
	}
	algorithm, hex, ok := strings.Cut(digest, ":")
	if !ok {
		return Revision{}, fmt.Errorf("%w %q: no digest of the form algorithm:hex", ErrInvalid, text)
	}
	want, known := hexLength(algorithm)
	if !known {
		return Revision{}, fmt.Errorf("%w %q: unknown digest algorithm %q", ErrInvalid, text, algorithm)
	}
	if len(hex) != want || !isLowerHex(hex) {
		return Revision{}, fmt.Errorf("%w %q: a %s digest has %d lower-case hexadecimal digits", ErrInvalid, text, algorithm, want)
	}
	return Revision{Name: name, Algorithm: algorithm, Hex: hex}, nil
}

// String prints the revision as it stands on the wire.
func (r Revision) String() string {
	if r.IsZero() {
		return ""
	}
	if r.Name == "" {
		return r.Digest()
	}
	return r.Name + "@" + r.Digest()
}

// Digest is the revision without its name, for example "sha1:<40 hex>".
func (r Revision) Digest() string {
	if r.Algorithm == "" {
		return ""
	}
	return r.Algorithm + ":" + r.Hex
}

// Short is the name with the first eight digits of the digest, for logs and
// terminals.
func (r Revision) Short() string {
	hex := r.Hex[:min(8, len(r.Hex))]
	if r.Name == "" {
		return hex
	}
	return r.Name + "@" + hex
}

// IsZero reports whether there is no revision at all.
func (r Revision) IsZero() bool {
	return r == Revision{}
}

// SameContent reports whether two revisions stand for the same content, whatever
// they are called.
func (r Revision) SameContent(other Revision) bool {
	return r.Algorithm != "" && r.Algorithm == other.Algorithm && r.Hex == other.Hex
}

// Equal compares two revisions as text after parsing. Text that does not parse
// is equal only to itself.
func Equal(a, b string) bool {
	ra, errA := Parse(a)
	rb, errB := Parse(b)
	if errA != nil || errB != nil {
		return a == b
	}
	return ra == rb
}

// hexLength is the number of hexadecimal digits of a digest algorithm.
func hexLength(algorithm string) (int, bool) {
	switch algorithm {
	case "sha1":
		return 40, true
	case "sha256", "blake3":
		return 64, true
	case "sha384":
		return 96, true
	case "sha512":
		return 128, true
	default:
		return 0, false
	}
}

func isLowerHex(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

func isControl(r rune) bool {
	return r < 0x20 || r == 0x7f
}
