package unwrap

import (
	"errors"
	"io"
	"strings"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	pgperrors "github.com/ProtonMail/go-crypto/openpgp/errors"
	sopspgp "github.com/getsops/sops/v3/pgp"
)

func (u *Unwrapper) pgp(key *sopspgp.MasterKey) ([]byte, error) {
	ring := u.Keys.Reveal().PGP
	if len(ring) == 0 {
		return nil, Reason("no PGP private key is given")
	}
	if len(key.EncryptedKey) > maxArmor {
		return nil, Reason("its encrypted data key is too long")
	}
	block, err := armor.Decode(strings.NewReader(key.EncryptedKey))
	if err != nil {
		return nil, Reason("its encrypted data key is not an armored PGP message")
	}
	message, err := openpgp.ReadMessage(block.Body, ring, nil, nil)
	switch {
	case errors.Is(err, pgperrors.ErrKeyIncorrect):
		return nil, Reason("none of the given PGP keys is this key")
	case err != nil:
		return nil, Reason("its encrypted data key is damaged")
	case !message.IsEncrypted:
		return nil, Reason("its data key is not encrypted")
	}
	plain, err := io.ReadAll(io.LimitReader(message.UnverifiedBody, maxKey+1))
	if err != nil {
		return nil, Reason("its encrypted data key is damaged")
	}
	return plain, nil
}
