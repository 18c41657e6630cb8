package credentials

import (
	"fmt"
	"strings"
)

const redacted = "[redacted]"

// Secret is a value that cannot be printed. It is kept in a closure, because
// package fmt prints unexported fields of foreign structs by reflection and
// would otherwise show it there.
type Secret struct {
	reveal func() string
}

// NewSecret hides a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{reveal: func() string { return value }}
}

// Reveal returns the value, for the one place that has to send it.
func (s Secret) Reveal() string {
	if s.reveal == nil {
		return ""
	}
	return s.reveal()
}

// IsEmpty reports whether there is nothing to hide.
func (s Secret) IsEmpty() bool { return s.reveal == nil }

// String never returns the value.
func (s Secret) String() string { return redacted }

// GoString never returns the value.
func (s Secret) GoString() string { return redacted }

// Format never prints the value, whatever the verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText never returns the value; JSON and YAML use it.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// scrub removes a value from text that the other side sent. Values shorter than
// four bytes are left: they occur in any sentence.
func (s Secret) scrub(text string) string {
	if value := s.Reveal(); len(value) >= 4 {
		return strings.ReplaceAll(text, value, redacted)
	}
	return text
}
