package controller

import (
	"encoding/base64"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/getsops/sops/v3"
	"github.com/getsops/sops/v3/aes"
	sopsage "github.com/getsops/sops/v3/age"
	"github.com/getsops/sops/v3/cmd/sops/common"
	"github.com/getsops/sops/v3/cmd/sops/formats"
	"github.com/getsops/sops/v3/config"
	"github.com/getsops/sops/v3/keyservice"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// encrypted encrypts data and stringData of a manifest for an age recipient.
func encrypted(t *testing.T, recipient, manifest string) string {
	t.Helper()
	store := common.StoreForFormat(formats.Yaml, config.NewStoresConfig())
	branches, err := store.LoadPlainFile([]byte(manifest))
	if err != nil {
		t.Fatal(err)
	}
	key, err := sopsage.MasterKeyFromRecipient(recipient)
	if err != nil {
		t.Fatal(err)
	}
	tree := sops.Tree{Branches: branches, Metadata: sops.Metadata{
		KeyGroups: []sops.KeyGroup{{key}}, EncryptedRegex: "^(data|stringData)$", Version: "3.13.3",
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
	return string(text)
}

func decrypting(secret string) func(*kustomizev1.Kustomization) {
	return func(k *kustomizev1.Kustomization) {
		k.Spec.Decryption = &kustomizev1.Decryption{Provider: kustomizev1.DecryptionProviderSOPS}
		if secret != "" {
			k.Spec.Decryption.SecretRef = &meta.LocalObjectReference{Name: secret}
		}
	}
}

// spoken are all texts that a unit says to the world.
func (r *rig) spoken(t *testing.T, unit *kustomizev1.Kustomization) string {
	t.Helper()
	events, err := r.events(t, unit.Name)()
	if err != nil {
		t.Fatal(err)
	}
	return message(unit) + strings.Join(events, "\n")
}

func TestDecryption(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	mine, err := age.GenerateX25519Identity()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(r.Create(t.Context(), &corev1.Secret{ObjectMeta: r.object("keys", nil), StringData: map[string]string{"me.agekey": mine.String()}})).To(Succeed())
	manifest := "apiVersion: v1\nkind: Secret\nmetadata:\n    name: s\n    namespace: " + r.namespace + "\nstringData:\n    password: canary-75\n"
	r.publish(t, "1", map[string]string{"app/s.yaml": encrypted(t, mine.Recipient().String(), manifest)})
	unit := r.unit("app", "./app", decrypting("keys"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	secret := &corev1.Secret{ObjectMeta: r.object("s", nil)}
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(secret), secret)).To(Succeed())
	g.Expect(string(secret.Data["password"])).To(Equal("canary-75"))
	g.Expect(r.spoken(t, unit)).NotTo(Or(ContainSubstring("canary-75"), ContainSubstring(base64.StdEncoding.EncodeToString([]byte("canary-75")))))

	plain := r.unit("plain", "./app")
	g.Expect(r.Create(t.Context(), plain)).To(Succeed())
	g.Eventually(r.state(t.Context(), plain), soon).Should(Equal("False BuildFailed"))
	g.Expect(message(plain)).To(ContainSubstring("is SOPS encrypted, configuring decryption is required"))
}

func TestDecryptionWithTheWrongKey(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	mine, err := age.GenerateX25519Identity()
	g.Expect(err).NotTo(HaveOccurred())
	theirs, err := age.GenerateX25519Identity()
	g.Expect(err).NotTo(HaveOccurred())
	keys := &corev1.Secret{ObjectMeta: r.object("keys", wakes), Data: map[string][]byte{"me.agekey": []byte(theirs.String())}}
	g.Expect(r.Create(t.Context(), keys)).To(Succeed())
	manifest := "apiVersion: v1\nkind: Secret\nmetadata:\n    name: s\n    namespace: " + r.namespace + "\nstringData:\n    password: canary-76\n"
	r.publish(t, "1", map[string]string{"app/s.yaml": encrypted(t, mine.Recipient().String(), manifest)})
	unit := r.unit("app", "./app", decrypting("keys"))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False BuildFailed"))
	g.Expect(r.spoken(t, unit)).NotTo(Or(ContainSubstring("canary-76"), ContainSubstring(theirs.String()), ContainSubstring("AGE-SECRET-KEY")))

	before := client.MergeFrom(keys.DeepCopy())
	keys.Data["me.agekey"] = []byte(mine.String())
	g.Expect(r.Patch(t.Context(), keys, before)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1), "the right key wakes it")
}

// TestDecryptionByDefaultKeys says that the installation may have age keys for all.
func TestDecryptionByDefaultKeys(t *testing.T) {
	g := NewWithT(t)
	t.Setenv("RUNTIME_NAMESPACE", "default")
	r := newRig(t, "--sops-age-secret=capstan-age")
	mine, err := age.GenerateX25519Identity()
	g.Expect(err).NotTo(HaveOccurred())
	keys := &corev1.Secret{ObjectMeta: r.object("capstan-age", nil), StringData: map[string]string{"all.agekey": mine.String()}}
	keys.Namespace = "default"
	g.Expect(r.Create(t.Context(), keys)).To(Succeed())
	manifest := "apiVersion: v1\nkind: Secret\nmetadata:\n    name: s\n    namespace: " + r.namespace + "\nstringData:\n    password: secret\n"
	r.publish(t, "1", map[string]string{"app/s.yaml": encrypted(t, mine.Recipient().String(), manifest)})
	unit := r.unit("app", "./app", decrypting(""))
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
}

func TestWorkloadIdentityOfDecryptionNeedsItsGate(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	unit := r.unit("app", "./app", decrypting(""), func(k *kustomizev1.Kustomization) { k.Spec.Decryption.ServiceAccountName = "kms" })
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal("False FeatureGateDisabled"))
	g.Expect(message(unit)).To(ContainSubstring("ObjectLevelWorkloadIdentity"))
}
