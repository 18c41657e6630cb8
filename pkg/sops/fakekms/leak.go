package fakekms

import (
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Leak returns the first of the secrets that a text shows, as it is, in base64 or in
// hexadecimal, or nothing.
func Leak(text string, secrets ...string) string {
	folded := strings.ToLower(text)
	for _, secret := range secrets {
		raw := []byte(secret)
		shown := strings.Contains(text, secret) || strings.Contains(folded, hex.EncodeToString(raw))
		// Base64 of a value inside something longer begins at one of three offsets.
		for _, pad := range []string{"", "x", "xx"} {
			encoded := base64.RawStdEncoding.EncodeToString(append([]byte(pad), raw...))
			if from, to := 4*((len(pad)+2)/3), len(encoded)-len(encoded)%4-4; to-from >= 8 {
				shown = shown || strings.Contains(text, encoded[from:to])
			}
		}
		if shown {
			return secret
		}
	}
	return ""
}
