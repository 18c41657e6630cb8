package keys

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"

	"filippo.io/age"
	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/armor"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/unicode"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const canary = "canary-value"

func text(t *testing.T, value any) []byte {
	t.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func identity(t *testing.T) string {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	return id.String()
}

// pgpKey returns an armored key, private or public, with or without a passphrase.
func pgpKey(t *testing.T, private bool, passphrase string) []byte {
	t.Helper()
	entity, err := openpgp.NewEntity("a", "", "a@example.com", nil)
	if err != nil {
		t.Fatal(err)
	}
	if passphrase != "" {
		if err := entity.EncryptPrivateKeys([]byte(passphrase), nil); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	kind, write := openpgp.PublicKeyType, entity.Serialize
	if private {
		kind = openpgp.PrivateKeyType
		write = func(w io.Writer) error { return entity.SerializePrivateWithoutSigning(w, nil) }
	}
	w, err := armor.Encode(&out, kind, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := write(w); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out.WriteByte('\n')
	return out.Bytes()
}

func TestReadCounts(t *testing.T) {
	hybrid, err := age.GenerateHybridIdentity()
	if err != nil {
		t.Fatal(err)
	}
	data := map[string][]byte{
		"a.agekey": []byte("# comment\n\n" + identity(t) + "\r\n  " + hybrid.String() + "\n"),
		"b.agekey": []byte(identity(t)),
		"k.asc":    append(pgpKey(t, true, ""), pgpKey(t, true, "")...),
		"pub.asc":  pgpKey(t, false, ""),
		"ignored":  []byte("whatever"),
	}
	all, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if m := all.Reveal(); len(m.Age) != 3 || len(m.PGP) != 2 {
		t.Errorf("%d age identities and %d PGP keys, want 3 and 2", len(m.Age), len(m.PGP))
	}
	data["sops.vault-token"] = []byte("\n bad \x00")
	only, err := ReadAge(data)
	if err != nil {
		t.Fatalf("the fallback reads more than age identities: %v", err)
	}
	if m := only.Reveal(); len(m.Age) != 3 || len(m.PGP) != 0 {
		t.Errorf("%d age identities and %d PGP keys, want 3 and none", len(m.Age), len(m.PGP))
	}
}

func TestBadKeys(t *testing.T) {
	own := identity(t)
	cases := map[string]struct {
		why, key string
		value    []byte
		want     string
	}{
		"Plugin":          {"no program is run", "a.agekey", []byte("#\nAGE-PLUGIN-YUBIKEY-1QQPQZRFR7ZZ2WCV" + canary), `line 2: the identity belongs to age plugin "yubikey"; plugins are programs and are not run here`},
		"PluginPath":      {"GHSA-32gq-x56h-299c: a name with a path", "a.agekey", []byte("AGE-PLUGIN-../../BIN/SH-1QQ"), "age plugin of an unreadable name"},
		"Malformed":       {"cut", "a.agekey", []byte(own[:len(own)-3]), "line 1: the age identity is malformed"},
		"HybridMalformed": {"cut", "a.agekey", []byte("AGE-SECRET-KEY-PQ-1QQQQ"), "the age identity is malformed"},
		"Recipient":       {"the public half", "a.agekey", []byte("age1" + canary), "not an age identity"},
		"Empty":           {"nothing in it", "a.agekey", []byte("# nothing\n"), "holds no age identity"},
		"NoArmor":         {"not armored", "a.asc", []byte(canary), "no armored PGP key"},
		"Passphrase":      {"nobody to ask", "a.asc", pgpKey(t, true, canary), "protected by a passphrase"},
		"ArmoredNonsense": {"armored, and not a key", "a.asc", []byte("-----BEGIN PGP MESSAGE-----\n\nY2FuYXJ5\n-----END PGP MESSAGE-----\n"), "not a PGP key"},
		"VaultEmpty":      {"a token has characters", "sops.vault-token", []byte(" \n"), "it is empty"},
		"VaultLines":      {"would forge headers", "sops.vault-token", []byte(canary + "\nX: y"), "line break"},
		"AWSHalf":         {"half a credential", "sops.aws-kms", []byte("aws_access_key_id: " + canary), "needed together"},
		"AWSSyntax":       {"parsers quote", "sops.aws-kms", []byte(canary), "neither YAML nor JSON"},
		"AzureHalf":       {"no way to log in", "sops.azure-kv", text(t, map[string]string{"tenantId": canary}), "or clientId alone"},
		"AzureNoTenant":   {"a secret needs its tenant", "sops.azure-kv", text(t, map[string]string{"clientId": "c", "clientSecret": canary}), "it needs tenantId"},
		"AzureCert":       {"no certificate", "sops.azure-kv", text(t, map[string]string{"tenantId": "t", "clientId": "c", "clientCertificate": canary}), "clientCertificate is no PEM"},
		"AzureAuthority":  {"logins travel over TLS", "sops.azure-kv", text(t, map[string]string{"clientId": "c", "authorityHost": "http://" + canary}), "authorityHost is not an https URL"},
		"AzureSyntax":     {"parsers quote", "sops.azure-kv", []byte("\x00\x01" + canary), "neither YAML nor JSON"},
		"GCPExternal":     {"would run programs and read files", "sops.gcp-kms", text(t, map[string]any{"type": "external_account", "credential_source": map[string]any{"executable": canary}}), "not service_account"},
		"GCPTokenURI":     {"logins travel over TLS", "sops.gcp-kms", text(t, map[string]string{"type": "service_account", "token_uri": "http://" + canary}), "token_uri is not an https URL"},
		"GCPHalf":         {"no key", "sops.gcp-kms", text(t, map[string]string{"type": "service_account", "client_email": canary}), "private_key are needed"},
		"GCPSyntax":       {"not JSON", "sops.gcp-kms", []byte(canary), "not the JSON key"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := Read(map[string][]byte{tc.key: tc.value})
			if !fault.Is(err, meta.ReasonBuildFailed) {
				t.Fatalf("%s: error %v, want a build failure", tc.why, err)
			}
			if !strings.Contains(err.Error(), `key "`+tc.key+`" of the Secret: `) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: error %q, want the key and %q", tc.why, err, tc.want)
			}
			if strings.Contains(err.Error(), canary) || strings.Contains(err.Error(), own[16:40]) || strings.Contains(err.Error(), "QQPQ") {
				t.Errorf("%s: the error shows the value: %v", tc.why, err)
			}
		})
	}
}

// certAndKey makes a certificate with its key, in PEM.
func certAndKey(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "a"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

// facts are what a form of sops.azure-kv says.
type facts struct {
	Tenant, Client, Secret, Authority string
	Certificates                      int
	Key, SendChain                    bool
}

func TestAzureForms(t *testing.T) {
	secret := map[string]any{"tenantId": "t", "clientId": "c", "clientSecret": canary}
	le := func(in []byte) []byte { return encode(t, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), in) }
	cases := map[string]struct {
		why   string
		value []byte
		want  facts
	}{
		"Secret":           {"the usual form", text(t, secret), facts{Tenant: "t", Client: "c", Secret: canary}},
		"YAML":             {"written by hand", []byte("tenantId: t\nclientId: c\nclientSecret: " + canary + "\n"), facts{Tenant: "t", Client: "c", Secret: canary}},
		"UTF8Mark":         {"editors write marks", append([]byte("\xef\xbb\xbf"), text(t, secret)...), facts{Tenant: "t", Client: "c", Secret: canary}},
		"UTF16":            {"PowerShell redirects", le(text(t, secret)), facts{Tenant: "t", Client: "c", Secret: canary}},
		"UTF16BigEndian":   {"with its byte order mark", encode(t, unicode.UTF16(unicode.BigEndian, unicode.UseBOM), text(t, secret)), facts{Tenant: "t", Client: "c", Secret: canary}},
		"UTF16Unmarked":    {"without", encode(t, unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM), text(t, secret)), facts{Tenant: "t", Client: "c", Secret: canary}},
		"UTF16BigUnmarked": {"nor this", encode(t, unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM), text(t, secret)), facts{Tenant: "t", Client: "c", Secret: canary}},
		"AzOutput":         {"what az prints", text(t, map[string]any{"appId": "c", "displayName": "d", "password": canary, "tenant": "t"}), facts{Tenant: "t", Client: "c", Secret: canary}},
		"ManagedIdentity":  {"clientId alone", []byte("clientId: c"), facts{Client: "c"}},
		"TenantBesideIt":   {"a tenant does not change that", []byte("clientId: c\ntenantId: t"), facts{Client: "c"}},
		"Authority":        {"a sovereign cloud", text(t, map[string]any{"tenantId": "t", "clientId": "c", "clientSecret": canary, "authorityHost": "https://login.chinacloudapi.cn"}), facts{Tenant: "t", Client: "c", Secret: canary, Authority: "https://login.chinacloudapi.cn"}},
		"Certificate": {"PEM, with the chain in the login",
			text(t, map[string]any{"tenantId": "t", "clientId": "c", "clientCertificate": certAndKey(t), "clientCertificateSendChain": true}),
			facts{Tenant: "t", Client: "c", Certificates: 1, Key: true, SendChain: true}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			k, err := Read(map[string][]byte{"sops.azure-kv": tc.value})
			if err != nil {
				t.Fatalf("%s: %v", tc.why, err)
			}
			a := k.Reveal().Azure
			got := facts{a.TenantID, a.ClientID, a.Secret.Reveal(), a.Authority, len(a.Certificates), a.Key != nil, a.SendChain}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

func encode(t *testing.T, e encoding.Encoding, in []byte) []byte {
	t.Helper()
	out, err := e.NewEncoder().Bytes(in)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestNothingPrintsThem walks every verb, also where fmt goes by reflection.
func TestNothingPrintsThem(t *testing.T) {
	k, err := Read(map[string][]byte{
		"a.agekey": []byte(identity(t)), "k.asc": pgpKey(t, true, ""), "sops.vault-token": []byte(canary),
		"sops.aws-kms": []byte("aws_access_key_id: i\naws_secret_access_key: " + canary),
	})
	if err != nil {
		t.Fatal(err)
	}
	m := k.Reveal()
	for _, value := range []any{k, &k, m, &m, struct{ k Keys }{k}, struct{ m *Material }{&m}, []any{k, m}, m.AWS} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			out := fmt.Sprintf(verb, value)
			if strings.Contains(out, canary) || strings.Contains(out, fmt.Sprintf("%x", canary)) {
				t.Errorf("verb %s of %T shows a key: %s", verb, value, out)
			}
		}
		if out, err := json.Marshal(value); err == nil && bytes.Contains(out, []byte(canary)) {
			t.Errorf("JSON of %T shows a key: %s", value, out)
		}
	}
}

func TestVaultInstances(t *testing.T) {
	list := func(entries ...map[string]string) string {
		return string(text(t, map[string]any{"instances": entries}))
	}
	one := func(address, login string) string {
		return list(map[string]string{"address": address, "loginPath": login})
	}
	good := "auth/kubernetes/login"
	for name, tc := range map[string]struct {
		why, in, find, want string
		bad                 bool
	}{
		"Exact":      {"as it is written", one("https://vault:8200", good), "https://vault:8200", good, false},
		"Slashes":    {"nobody agrees about slashes", one("https://Vault:8200/", "/"+good+"/"), "https://vault:8200/", good, false},
		"Namespaces": {"OpenBao has them in the path", one("https://vault", "ns1/ns2/"+good), "https://vault", "ns1/ns2/" + good, false},
		"OtherPort":  {"another server", one("https://vault:8200", good), "https://vault", "", false},
		"OtherHost":  {"a suffix is another server", one("https://vault", good), "https://vault.evil.com", "", false},
		"Scheme":     {"so is another scheme", one("https://vault", good), "http://vault", "", false},
		"Empty":      {"a list may be empty", "instances: []", "https://vault", "", false},
		"Twice":      {"which login counts", list(map[string]string{"address": "https://v", "loginPath": good}, map[string]string{"address": "https://v/", "loginPath": good}), "", "", true},
		"BadAddress": {"not a URL", one("vault:8200", good), "", "", true},
		"UserInfo":   {"a credential", one("https://u:"+canary+"@vault", good), "", "", true},
		"NoLogin":    {"nowhere to log in", one("https://vault", ""), "", "", true},
		"Climbing":   {"stays below /v1/", one("https://vault", "auth/../../x"), "", "", true},
		"Query":      {"no query", one("https://vault", "auth/login?"+canary), "", "", true},
		"Unknown":    {"a misspelt field would be ignored", "instances: [{adress: https://v}]", "", "", true},
		"Syntax":     {"parsers quote", canary, "", "", true},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadVaultInstances(tc.in)
			if (err != nil) != tc.bad {
				t.Fatalf("%s: error %v", tc.why, err)
			}
			if tc.bad {
				if strings.Contains(err.Error(), canary) || !fault.Is(err, meta.ReasonBuildFailed) {
					t.Errorf("%s: error %v", tc.why, err)
				}
				return
			}
			address, err := VaultAddress(tc.find)
			if err != nil {
				t.Fatal(err)
			}
			if instance, _ := got.Find(address); instance.LoginPath != tc.want {
				t.Errorf("%s: login at %q, want %q", tc.why, instance.LoginPath, tc.want)
			}
		})
	}
}
