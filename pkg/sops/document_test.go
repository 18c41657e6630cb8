package sops

import (
	"bytes"
	"crypto/rand"
	"io"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	sopskeys "github.com/getsops/sops/v3/keys"
	sopspgp "github.com/getsops/sops/v3/pgp"
	"github.com/getsops/sops/v3/shamir"

	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

// canary is the value that nothing but a plain document may hold.
const canary = "hunter2-the-canary-value"

// holder is somebody who can decrypt: how a document names them, and what the Secret
// has to hold.
type holder struct {
	name   string
	data   []byte
	master func(t testing.TB, dataKey []byte) sopskeys.MasterKey
}

func newAge(t testing.TB) holder {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return ageHolder(id.String(), id.Recipient().String())
}

func newHybrid(t testing.TB) holder {
	t.Helper()
	id, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return ageHolder(id.String(), id.Recipient().String())
}

func ageHolder(identity, recipient string) holder {
	return holder{
		name: "id.agekey", data: []byte("# created by a test\n\n" + identity + "\r\n"),
		master: func(t testing.TB, dataKey []byte) sopskeys.MasterKey {
			key := &sopsage.MasterKey{Recipient: recipient}
			if err := key.Encrypt(dataKey); err != nil {
				t.Fatal(err)
			}
			return key
		},
	}
}

func newPGP(t testing.TB) holder {
	t.Helper()
	entity, err := openpgp.NewEntity("test", "", "test@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	var private bytes.Buffer
	armored(t, &private, openpgp.PrivateKeyType, func(w io.Writer) error { return entity.SerializePrivate(w, nil) })
	return holder{
		name: "key.asc", data: private.Bytes(),
		master: func(t testing.TB, dataKey []byte) sopskeys.MasterKey {
			var message bytes.Buffer
			armored(t, &message, "PGP MESSAGE", func(w io.Writer) error {
				plain, err := openpgp.Encrypt(w, []*openpgp.Entity{entity}, nil, nil, nil)
				if err != nil {
					return err
				}
				_, _ = plain.Write(dataKey)
				return plain.Close()
			})
			return &sopspgp.MasterKey{Fingerprint: "ABCD", EncryptedKey: message.String(), CreationDate: time.Unix(0, 0)}
		},
	}
}

func armored(t testing.TB, to io.Writer, kind string, write func(io.Writer) error) {
	t.Helper()
	w, err := armor.Encode(to, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// keysOf reads the Secret that holds what these holders have.
func keysOf(t testing.TB, holders ...holder) *keys.Keys {
	t.Helper()
	data := map[string][]byte{}
	for i, h := range holders {
		data[string(rune('a'+i))+"-"+h.name] = h.data
	}
	k, err := keys.Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return &k
}

// encrypt makes a SOPS document as the sops command would: each holder is a group
// of its own if there is a threshold.
func encrypt(t testing.TB, f format, plain string, change func(*sops.Metadata), holders ...holder) []byte {
	t.Helper()
	branches, err := f.store().LoadPlainFile([]byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		UnencryptedSuffix: sops.DefaultUnencryptedSuffix, LastModified: time.Unix(1700000000, 0).UTC(), Version: "3.13.3",
	}}
	if change != nil {
		change(&tree.Metadata)
	}
	dataKey := make([]byte, 32)
	if _, err := rand.Read(dataKey); err != nil {
		t.Fatal(err)
	}
	tree.Metadata.KeyGroups = groupsOf(t, tree.Metadata.ShamirThreshold, dataKey, holders)
	cipher := aes.NewCipher()
	mac, err := tree.Encrypt(dataKey, cipher)
	if err != nil {
		t.Fatal(err)
	}
	tree.Metadata.MessageAuthenticationCode, err = cipher.Encrypt(mac, dataKey, tree.Metadata.LastModified.Format(time.RFC3339))
	if err != nil {
		t.Fatal(err)
	}
	out, err := f.store().EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte(canary)) {
		t.Fatalf("the document is not encrypted:\n%s", out)
	}
	return out
}

func groupsOf(t testing.TB, threshold int, dataKey []byte, holders []holder) []sops.KeyGroup {
	t.Helper()
	if threshold == 0 {
		var group sops.KeyGroup
		for _, h := range holders {
			group = append(group, h.master(t, dataKey))
		}
		return []sops.KeyGroup{group}
	}
	parts, err := shamir.Split(dataKey, len(holders), threshold)
	if err != nil {
		t.Fatal(err)
	}
	var groups []sops.KeyGroup
	for i, h := range holders {
		groups = append(groups, sops.KeyGroup{h.master(t, parts[i])})
	}
	return groups
}

func newService(t testing.TB) *Service {
	t.Helper()
	s, err := New(Options{ExemptKey: exemptKey})
	if err != nil {
		t.Fatal(err)
	}
	return s
}
