package artifact

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strings"
)

// Digest algorithms of archives.
const (
	SHA256 = "sha256"
	SHA384 = "sha384"
	SHA512 = "sha512"
)

// newHash returns the hash of an algorithm.
func newHash(algorithm string) (hash.Hash, error) {
	switch algorithm {
	case SHA256:
		return sha256.New(), nil
	case SHA384:
		return sha512.New384(), nil
	case SHA512:
		return sha512.New(), nil
	}
	return nil, fmt.Errorf("the digest algorithm %q is not one of sha256, sha384 and sha512", algorithm)
}

// normalDigest spells out a digest; one without algorithm is sha256.
func normalDigest(digest string) (string, error) {
	if digest == "" {
		return "", errors.New("the artifact has no digest")
	}
	algorithm, value, ok := strings.Cut(digest, ":")
	if !ok {
		algorithm, value = SHA256, digest
	}
	h, err := newHash(algorithm)
	if err != nil {
		return "", err
	}
	if raw, err := hex.DecodeString(value); err != nil || len(raw) != h.Size() {
		return "", fmt.Errorf("the digest is not one of %s", algorithm)
	}
	return algorithm + ":" + strings.ToLower(value), nil
}

func algorithmOf(digest string) string {
	algorithm, _, _ := strings.Cut(digest, ":")
	return algorithm
}

func printDigest(algorithm string, h hash.Hash) string {
	return algorithm + ":" + hex.EncodeToString(h.Sum(nil))
}
