package build

import (
	"context"
	"errors"
	"strings"
	"testing"

	"filippo.io/age"
	getsops "github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	"k8s.io/apimachinery/pkg/types"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/request"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/sops"
	"github.com/capstan-gitops/capstan/pkg/sops/identity"
)

// encrypted encrypts a file for an age identity.
func encrypted(t *testing.T, id *age.X25519Identity) []byte {
	t.Helper()
	store := common.StoreForFormat(formats.Yaml, config.NewStoresConfig())
	branches, err := store.LoadPlainFile([]byte("value: canary\n"))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sopsage.MasterKeyFromRecipient(id.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	tree := getsops.Tree{Branches: branches, Metadata: getsops.Metadata{
		KeyGroups: []getsops.KeyGroup{{key}}, UnencryptedSuffix: getsops.DefaultUnencryptedSuffix, Version: "3.13.3",
	}}
	dataKey, errs := tree.GenerateDataKeyWithKeyServices([]keyservice.KeyServiceClient{keyservice.NewLocalClient()})
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	if err := common.EncryptTree(common.EncryptTreeOpts{Tree: &tree, Cipher: aes.NewCipher(), DataKey: dataKey}); err != nil {
		t.Fatal(err)
	}
	text, err := store.EmitEncryptedFile(tree)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func newIdentity(t *testing.T) *age.X25519Identity {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newDecryption(t *testing.T) *Decryption {
	t.Helper()
	service, err := sops.New(sops.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &Decryption{Service: service, Installation: request.Installation{Namespace: "flux-system", AgeSecret: "age"}}
}

func decrypting(secret, account string) func(*kustomizev1.Kustomization) {
	return func(u *kustomizev1.Kustomization) {
		u.Spec.Decryption = &kustomizev1.Decryption{Provider: "sops", ServiceAccountName: account}
		if secret != "" {
			u.Spec.Decryption.SecretRef = &meta.LocalObjectReference{Name: secret}
		}
	}
}

// TestWhichKeys says whose keys open a file: the unit's own alone, if it names some, and else those of the installation.
func TestWhichKeys(t *testing.T) {
	own, installed := newIdentity(t), newIdentity(t)
	there := contents{
		"Secret/apps/keys": {"me.agekey": own.String()}, "Secret/flux-system/age": {"all.agekey": installed.String()},
		"Secret/apps/age": {"all.agekey": own.String()},
	}
	cases := map[string]struct {
		why  string
		unit *kustomizev1.Kustomization
		to   *age.X25519Identity
		open bool
	}{
		"Own":             {"it names its keys", unit(decrypting("keys", "")), own, true},
		"OwnOnly":         {"naming own keys it has not those of the installation", unit(decrypting("keys", "")), installed, false},
		"Installed":       {"it names none", unit(decrypting("", "")), installed, true},
		"InstalledIsOurs": {"the Secret of the flag is in the controller's namespace, not one of that name in the unit's", unit(decrypting("", "")), own, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d, err := newDecryption(t).For(t.Context(), tc.unit, there.read)
			if err != nil {
				t.Fatal(err)
			}
			plain, err := d.File(t.Context(), "a.yaml", encrypted(t, tc.to))
			if (err == nil) != tc.open || tc.open && string(plain) != "value: canary\n" {
				t.Errorf("%s: %q, %v", tc.why, plain, err)
			}
		})
	}
}

func TestNoDecryption(t *testing.T) {
	d, err := newDecryption(t).For(t.Context(), unit(), contents(nil).read)
	if d != nil || err != nil {
		t.Errorf("it asks for none, and gets %v, %v", d, err)
	}
}

func TestKeysThatCannotBeRead(t *testing.T) {
	cases := map[string]struct {
		why   string
		unit  *kustomizev1.Kustomization
		vault string
		from  contents
		want  string
	}{
		"Missing":   {"the Secret it names does not exist", unit(decrypting("keys", "")), "", contents{}, "reading spec.decryption.secretRef: Secret apps/keys: it does not exist"},
		"Installed": {"nor that of the flag, which is named", unit(decrypting("", "")), "", contents{}, "reading --sops-age-secret: Secret flux-system/age: it does not exist"},
		"Broken":    {"what cannot be read is not missing", unit(decrypting("keys", "")), "", nil, "connection refused"},
		"Invalid":   {"a key that is none is reported by name, not by value", unit(decrypting("keys", "")), "", contents{"Secret/apps/keys": {"me.agekey": "canary"}}, "me.agekey"},
		"Vault":     {"the ConfigMap of the flag does not exist", unit(decrypting("keys", "")), "vaults", contents{"Secret/apps/keys": {}}, "reading --sops-vault-configmap: ConfigMap flux-system/vaults: it does not exist"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := newDecryption(t)
			d.Installation.VaultConfigMap = tc.vault
			_, err := d.For(t.Context(), tc.unit, tc.from.read)
			if f := fault.Of(err); err == nil || f.Reason != meta.ReasonBuildFailed || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "canary") {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}

// TestFailedDecryptionIsNamed: a build says that it failed at decrypting, and at nothing
// else, whatever libraries make of the error on its way.
func TestFailedDecryptionIsNamed(t *testing.T) {
	own, other := newIdentity(t), newIdentity(t)
	cases := map[string]struct {
		why      string
		content  string
		manifest string
		keys     contents
		want     bool
	}{
		"OtherKey": {"the file is for somebody else", string(encrypted(t, other)), configMap("b", "1"), contents{"Secret/apps/keys": {"me.agekey": own.String()}}, true},
		"NoKeys":   {"the keys do not exist", "plain", configMap("b", "1"), contents{}, true},
		"Build":    {"what is no manifest was not encrypted either", string(encrypted(t, own)), "kind: [", contents{"Secret/apps/keys": {"me.agekey": own.String()}}, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.Contents, w.Decryption = tc.keys.read, newDecryption(t)
			_, err := w.Build(t.Context(), unit(decrypting("keys", "")), w.publish("1", map[string]string{
				"app/a.yaml": tc.content, "app/kustomization.yaml": "secretGenerator: [{name: s, files: [a.yaml]}]\nresources: [b.yaml]\n", "app/b.yaml": tc.manifest,
			}), "")
			var failed *DecryptError
			if err == nil || errors.As(err, &failed) != tc.want || fault.Of(err).Reason != meta.ReasonBuildFailed {
				t.Errorf("%s: %v", tc.why, err)
			}
		})
	}
}

// TestWhichIdentity says as whom the key service is asked.
func TestWhichIdentity(t *testing.T) {
	cases := map[string]struct {
		why               string
		account, fallback string
		want              types.NamespacedName
	}{
		"Controller": {"nobody names one", "", "", types.NamespacedName{Namespace: "flux-system", Name: "kustomize-controller"}},
		"Default":    {"the flag's is one of the unit's namespace", "", "default", types.NamespacedName{Namespace: "apps", Name: "default"}},
		"Own":        {"the unit's own stands in for the flag's", "tenant", "default", types.NamespacedName{Namespace: "apps", Name: "tenant"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var asked types.NamespacedName
			d := newDecryption(t)
			d.Account = tc.fallback
			d.Identities = identity.Options{
				Controller: types.NamespacedName{Namespace: "flux-system", Name: "kustomize-controller"},
				Mint: func(_ context.Context, account types.NamespacedName, _ string) (credentials.Secret, error) {
					asked = account
					return credentials.NewSecret("token"), nil
				},
			}
			if _, _, err := d.identity(unit(decrypting("", tc.account))).Vault(t.Context(), "vault"); err != nil {
				t.Fatal(err)
			}
			if asked != tc.want {
				t.Errorf("%s: asked for a token of %s, want %s", tc.why, asked, tc.want)
			}
		})
	}
}
