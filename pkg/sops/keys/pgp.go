package keys

import (
	"bufio"
	"bytes"
	"errors"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
)

// readPGP adds the private keys of one or more armored blocks. Public keys beside
// them are accepted and of no use.
func readPGP(m *Material, value []byte) error {
	// Decode reads on from a reader that has a buffer, and into one otherwise.
	rest := bufio.NewReader(bytes.NewReader(value))
	found := false
	for {
		block, err := armor.Decode(rest)
		if err != nil {
			break
		}
		entities, err := openpgp.ReadKeyRing(block.Body)
		if err != nil {
			return errors.New("it holds an armored block that is not a PGP key")
		}
		found = true
		for _, e := range entities {
			if e.PrivateKey == nil {
				continue
			}
			if locked(e) {
				return errors.New("its private key is protected by a passphrase, which nobody can enter here")
			}
			m.PGP = append(m.PGP, e)
		}
	}
	if !found {
		return errors.New("it holds no armored PGP key")
	}
	return nil
}

// locked reports whether a passphrase protects a private key of the entity. Stubs
// without a key, which stand for a primary key kept elsewhere, need none.
func locked(e *openpgp.Entity) bool {
	if e.PrivateKey.Encrypted && !e.PrivateKey.Dummy() {
		return true
	}
	for _, sub := range e.Subkeys {
		if sub.PrivateKey != nil && sub.PrivateKey.Encrypted && !sub.PrivateKey.Dummy() {
			return true
		}
	}
	return false
}
