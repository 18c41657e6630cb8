package unwrap

import (
	"errors"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	sopsage "github.com/getsops/sops/v3/age"

	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// maxArmor bounds what is read as an armored data key.
const maxArmor = 64 << 10

func (u *Unwrapper) age(key *sopsage.MasterKey) ([]byte, error) {
	if err := native(key.Recipient); err != nil {
		return nil, err
	}
	identities := u.Keys.Reveal().Age
	if len(identities) == 0 {
		return nil, Reason("no age identity is given")
	}
	if len(key.EncryptedKey) > maxArmor {
		return nil, Reason("its encrypted data key is too long")
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(key.EncryptedKey)), identities...)
	var none *age.NoIdentityMatchError
	switch {
	case errors.As(err, &none):
		return nil, Reason("none of the given age identities is this recipient")
	case err != nil:
		return nil, Reason("its encrypted data key is damaged")
	}
	plain, err := io.ReadAll(io.LimitReader(r, maxKey+1))
	if err != nil {
		return nil, Reason("its encrypted data key is damaged")
	}
	return plain, nil
}

// native refuses recipients that need a program or a kind of identity that a Secret
// cannot hold.
func native(recipient string) error {
	switch {
	case strings.HasPrefix(recipient, "ssh-"):
		return Reason("it is an SSH key, and SSH identities are not supported")
	case strings.HasPrefix(recipient, "age1pq1"):
		return nil
	case strings.HasPrefix(recipient, "age1") && strings.Count(recipient, "1") > 1:
		name := recipient[len("age1"):strings.LastIndex(recipient, "1")]
		return Reason("it belongs to age plugin " + keys.PluginName(name) + "; plugins are programs and are not run here")
	}
	return nil
}
