package keys

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Names of keys in a Secret.
const (
	ageSuffix = ".agekey"
	pgpSuffix = ".asc"
	vaultKey  = "sops.vault-token"
	awsKey    = "sops.aws-kms"
	azureKey  = "sops.azure-kv"
	gcpKey    = "sops.gcp-kms"
)

const redacted = "[redacted keys]"

// Keys are what a Secret gives to decrypt with. The zero value gives nothing.
type Keys struct {
	reveal func() Material
}

// Material is the content of Keys, for those who decrypt with it.
type Material struct {
	// Age are identities of the file encryption format, also post-quantum ones.
	Age []age.Identity
	// PGP are private keys without a passphrase.
	PGP openpgp.EntityList
	// Vault is a static token for Vault or OpenBao.
	Vault credentials.Secret
	// AWS are static credentials, or nil.
	AWS *AWS
	// Azure says how to log in to Azure, or is nil.
	Azure *Azure
	// GCP is the key of a Google service account, or nil.
	GCP *GCP
}

// Format never prints the material, whatever the verb.
func (Material) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText never returns the material; JSON and YAML use it.
func (Material) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Read reads the data of the Secret that spec.decryption.secretRef names. Keys of
// the Secret that mean nothing here are left alone.
func Read(data map[string][]byte) (Keys, error) {
	return read(data, func(string) bool { return true })
}

// ReadAge reads the age identities of a Secret and nothing else: the fallback of
// the installation decrypts for everybody and is no credential of a cloud.
func ReadAge(data map[string][]byte) (Keys, error) {
	return read(data, func(name string) bool { return strings.HasSuffix(name, ageSuffix) })
}

func read(data map[string][]byte, use func(string) bool) (Keys, error) {
	var m Material
	for _, name := range slices.Sorted(maps.Keys(data)) {
		add := readerOf(name)
		if add == nil || !use(name) {
			continue
		}
		if err := add(&m, data[name]); err != nil {
			return Keys{}, fault.Retry(meta.ReasonBuildFailed,
				fmt.Errorf("reading the decryption keys: key %q of the Secret: %w", name, err))
		}
	}
	return Keys{reveal: func() Material { return m }}, nil
}

// readerOf returns what reads a key of the Secret, or nil.
func readerOf(name string) func(*Material, []byte) error {
	switch {
	case strings.HasSuffix(name, ageSuffix):
		return readAge
	case strings.HasSuffix(name, pgpSuffix):
		return readPGP
	case name == vaultKey:
		return readVault
	case name == awsKey:
		return readAWS
	case name == azureKey:
		return readAzure
	case name == gcpKey:
		return readGCP
	}
	return nil
}

func readVault(m *Material, value []byte) error {
	token := strings.TrimSpace(string(value))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return errors.New("it is empty or holds a space, a line break or another character that no token has")
	}
	m.Vault = credentials.NewSecret(token)
	return nil
}

// Reveal returns the material, for those who decrypt with it.
func (k Keys) Reveal() Material {
	if k.reveal == nil {
		return Material{}
	}
	return k.reveal()
}

// String never returns the material.
func (k Keys) String() string { return redacted }

// Format never prints the material, whatever the verb.
func (k Keys) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// MarshalText never returns the material; JSON and YAML use it.
func (k Keys) MarshalText() ([]byte, error) { return []byte(redacted), nil }
