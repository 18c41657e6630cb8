package fakekms

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
)

// sealer stands for the key that never leaves a service.
type sealer struct{ aead cipher.AEAD }

func newSealer() sealer {
	key := make([]byte, 32)
	_, _ = rand.Read(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return sealer{aead}
}

func (s sealer) seal(plain []byte, about string) []byte {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce)
	return s.aead.Seal(nonce, nonce, plain, []byte(about))
}

func (s sealer) open(sealed []byte, about string) ([]byte, error) {
	n := min(s.aead.NonceSize(), len(sealed))
	nonce := make([]byte, s.aead.NonceSize())
	copy(nonce, sealed[:n])
	return s.aead.Open(nil, nonce, sealed[n:], []byte(about))
}
