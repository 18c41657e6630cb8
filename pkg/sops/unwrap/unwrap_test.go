package unwrap

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/getsops/sops/v3/azkv"
	"github.com/getsops/sops/v3/gcpkms"
	"github.com/getsops/sops/v3/hckms"
	"github.com/getsops/sops/v3/hcvault"
	sopskeys "github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/kms"
	"golang.org/x/oauth2"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/sops/fakekms"
	"github.com/capstan-gitops/capstan/pkg/sops/keys"
)

const (
	dataKey  = "data-key-canary-of-32-bytes-long"
	arn      = "arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555"
	roleName = "arn:aws:iam::123456789012:role/sops"
	resource = "projects/p/locations/global/keyRings/r/cryptoKeys/k"
)

// canaries must not be in any error.
var canaries = []string{
	dataKey, "aws-secret-canary", "aws-session-canary", "azure-secret-canary", "wrong-secret-canary", "vault-token-canary",
	"entra-token-canary", "google-token-canary", "account-token-canary", "login-token-canary", "sts-secret-canary", "sts-session-canary",
}

// ticker is a clock whose pauses are over at once and whose deadlines come when the
// test says so.
type ticker struct {
	clock.RealClock
	deadline time.Duration
	late     chan time.Time
	mu       sync.Mutex
	pauses   []time.Duration
}

// NewTimer returns a timer that has fired, or one that fires with the test.
func (c *ticker) NewTimer(d time.Duration) clock.Timer {
	if d == c.deadline {
		return timer{c.late}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pauses = append(c.pauses, d)
	over := make(chan time.Time, 1)
	over <- time.Time{}
	return timer{over}
}

type timer struct{ c chan time.Time }

func (t timer) C() <-chan time.Time    { return t.c }
func (timer) Stop() bool               { return true }
func (timer) Reset(time.Duration) bool { return true }

// someone is a workload identity that has everything, or only an error.
type someone struct{ err error }

func (s someone) AWS(context.Context, string) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "IDENTITY", SecretAccessKey: "aws-secret-canary", SessionToken: "aws-session-canary"}, s.err
}
func (s someone) Azure(context.Context, []string) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: "entra-token-canary", ExpiresOn: time.Now().Add(time.Hour)}, s.err
}
func (s someone) GCP(context.Context) (*oauth2.Token, error) {
	return &oauth2.Token{AccessToken: "google-token-canary"}, s.err
}
func (s someone) Vault(_ context.Context, audience string) (credentials.Secret, string, error) {
	if audience != "https://vault.example.com:8200/" {
		return credentials.Secret{}, "", Reason("wrong audience " + audience)
	}
	return credentials.NewSecret("account-token-canary"), "tenant_app", s.err
}

// world is all services with a data key in each.
type world struct {
	*fakekms.World
	gcp   *fakekms.GCP
	clock *ticker
	keys  map[string]sopskeys.MasterKey
	hosts map[string]string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := fakekms.Start(t)
	awsFake, azure := fakekms.NewAWS(w, "eu-west-1"), fakekms.NewAzure(w, "team.vault.azure.net", "login.microsoftonline.com")
	gcp, vault := fakekms.NewGCP(w), fakekms.NewVault(w, "vault.example.com:8200")
	awsFake.Accepts = map[string]bool{"STATIC": true, "IDENTITY": true, "ROLE": true}
	awsFake.Roles[roleName] = "ROLE"
	azure.Secrets["client"] = "azure-secret-canary"
	vault.Tokens["vault-token-canary"] = true
	vault.Logins["auth/kubernetes/login tenant_app account-token-canary"] = "login-token-canary"
	value := "prod"
	return &world{
		World: w, gcp: gcp, clock: &ticker{deadline: time.Minute, late: make(chan time.Time)},
		hosts: map[string]string{
			"aws": "kms.eu-west-1.amazonaws.com", "azure": "team.vault.azure.net", "gcp": "cloudkms.googleapis.com", "vault": "vault.example.com:8200",
		},
		keys: map[string]sopskeys.MasterKey{
			"aws": &kms.MasterKey{Arn: arn, EncryptedKey: awsFake.Wrap(arn, []byte(dataKey), nil)},
			"role": &kms.MasterKey{
				Arn: arn, Role: roleName, AwsProfile: "somebody", EncryptionContext: map[string]*string{"env": &value, "none": nil},
				EncryptedKey: awsFake.Wrap(arn, []byte(dataKey), map[string]string{"env": "prod"}),
			},
			"azure": &azkv.MasterKey{VaultURL: "https://team.vault.azure.net", Name: "sops", Version: "v1", EncryptedKey: azure.Wrap([]byte(dataKey))},
			"gcp":   &gcpkms.MasterKey{ResourceID: resource, EncryptedKey: gcp.Wrap(resource, []byte(dataKey))},
			"vault": &hcvault.MasterKey{
				VaultAddress: "https://vault.example.com:8200", EnginePath: "team/transit", KeyName: "sops",
				EncryptedKey: vault.Wrap("team/transit", "sops", []byte(dataKey)),
			},
		},
	}
}

func (w *world) static(t *testing.T) keys.Keys {
	t.Helper()
	return read(t, map[string]string{
		"sops.aws-kms":     asJSON(t, map[string]string{"aws_access_key_id": "STATIC", "aws_secret_access_key": "aws-secret-canary", "aws_session_token": "aws-session-canary"}),
		"sops.azure-kv":    asJSON(t, map[string]string{"tenantId": "11111111-2222-3333-4444-555555555555", "clientId": "client", "clientSecret": "azure-secret-canary"}),
		"sops.gcp-kms":     string(w.gcp.ServiceAccount()),
		"sops.vault-token": "vault-token-canary\n",
	})
}

func (w *world) unwrapper(t *testing.T, k keys.Keys, who Identity) *Unwrapper {
	t.Helper()
	o := w.Egress()
	o.MaxRedirects = -1
	client, err := egress.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	list, err := keys.ReadVaultInstances(asJSON(t, map[string]any{"instances": []any{
		map[string]string{"address": "https://vault.example.com:8200/", "loginPath": "/auth/kubernetes/login"},
	}}))
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Keys: k, Vault: list, Identity: who, Client: client, Clock: w.clock, Timeout: w.clock.deadline})
}

func read(t *testing.T, data map[string]string) keys.Keys {
	t.Helper()
	in := map[string][]byte{}
	for name, value := range data {
		in[name] = []byte(value)
	}
	k, err := keys.Read(in)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func asJSON(t *testing.T, value any) string {
	t.Helper()
	out, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// harmless fails for an error that shows a secret, and checks what it says.
func harmless(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v, want %q", err, want)
	}
	if err != nil {
		if leak := fakekms.Leak(err.Error(), canaries...); leak != "" {
			t.Errorf("the error shows %s: %v", leak, err)
		}
	}
}

func TestStaticCredentialsAndIdentity(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "ENVIRONMENT")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "of-the-controller")
	t.Setenv("AWS_ENDPOINT_URL", "https://elsewhere.example.com")
	t.Setenv("VAULT_TOKEN", "of-the-controller")
	t.Setenv("GOOGLE_CREDENTIALS", "{}")
	w := newWorld(t)
	for name, k := range map[string]keys.Keys{"Secret": w.static(t), "Identity": {}} {
		u := w.unwrapper(t, k, someone{})
		for service, key := range w.keys {
			t.Run(name+"/"+service, func(t *testing.T) {
				got, err := u.Unwrap(t.Context(), key)
				if err != nil || string(got) != dataKey {
					t.Errorf("got %d bytes and %v, want the data key", len(got), err)
				}
			})
		}
	}
	for _, request := range w.Requests() {
		if strings.Contains(request, "elsewhere") {
			t.Errorf("the environment of the controller led to %s", request)
		}
	}
}

func TestOneLoginForSeveralKeys(t *testing.T) {
	w := newWorld(t)
	u := w.unwrapper(t, keys.Keys{}, someone{})
	for range 3 {
		if _, err := u.Unwrap(t.Context(), w.keys["vault"]); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Count("vault.example.com:8200"); got != 4 {
		t.Errorf("%d requests, want one login and three keys", got)
	}
}

func TestNothingGiven(t *testing.T) {
	w := newWorld(t)
	u := w.unwrapper(t, keys.Keys{}, nil)
	for service, want := range map[string]string{
		"aws": "sops.aws-kms", "azure": "sops.azure-kv", "gcp": "sops.gcp-kms", "vault": "sops.vault-token",
	} {
		_, err := u.Unwrap(t.Context(), w.keys[service])
		harmless(t, err, want)
	}
	if got := w.Requests(); len(got) != 0 {
		t.Errorf("requests without a credential: %v", got)
	}
}

func TestServiceRefuses(t *testing.T) {
	w := newWorld(t)
	wrong := read(t, map[string]string{
		"sops.aws-kms":     asJSON(t, map[string]string{"aws_access_key_id": "STRANGER", "aws_secret_access_key": "wrong-secret-canary"}),
		"sops.azure-kv":    asJSON(t, map[string]string{"tenant": "11111111-2222-3333-4444-555555555555", "appId": "client", "password": "wrong-secret-canary"}),
		"sops.vault-token": "wrong-secret-canary",
	})
	u := w.unwrapper(t, wrong, nil)
	for service, want := range map[string]string{
		"aws": "400 Bad Request (AccessDeniedException)", "azure": "401 Unauthorized", "vault": "403 Forbidden",
	} {
		_, err := u.Unwrap(t.Context(), w.keys[service])
		harmless(t, err, want)
	}
	for service, want := range map[string]string{
		"aws": "AWS credentials by workload identity", "azure": "Azure credentials by workload identity",
		"gcp": "GCP credentials by workload identity", "vault": "token of the ServiceAccount",
	} {
		_, err := w.unwrapper(t, keys.Keys{}, someone{errors.New("exchange of account-token-canary")}).Unwrap(t.Context(), w.keys[service])
		harmless(t, err, want)
	}
}

// TestBusy says that requests which a busy service answered with 429 or 5xx are
// repeated with pauses that double, and not for ever.
func TestBusy(t *testing.T) {
	for _, service := range []string{"aws", "azure", "gcp", "vault"} {
		t.Run(service, func(t *testing.T) {
			w := newWorld(t)
			u := w.unwrapper(t, w.static(t), nil)
			w.Answer(w.hosts[service], 429, 503)
			if got, err := u.Unwrap(t.Context(), w.keys[service]); err != nil || string(got) != dataKey {
				t.Fatalf("a service that was busy twice: %v", err)
			}
			if len(w.clock.pauses) != 2 || w.clock.pauses[1] != 2*w.clock.pauses[0] {
				t.Errorf("pauses %v, want two, the second twice the first", w.clock.pauses)
			}
			before := w.Count(w.hosts[service])
			w.Answer(w.hosts[service], 500, 500, 500, 500, 500, 500, 500, 500, 500, 500)
			_, err := u.Unwrap(t.Context(), w.keys[service])
			harmless(t, err, "500 Internal Server Error")
			if got := w.Count(w.hosts[service]) - before; got != attempts {
				t.Errorf("%d requests, want %d", got, attempts)
			}
		})
	}
}

func TestDown(t *testing.T) {
	for _, service := range []string{"aws", "azure", "gcp", "vault"} {
		t.Run(service, func(t *testing.T) {
			w := newWorld(t)
			w.Down(w.hosts[service])
			_, err := w.unwrapper(t, w.static(t), nil).Unwrap(t.Context(), w.keys[service])
			harmless(t, err, "the service cannot be reached")
		})
	}
}

func TestSlow(t *testing.T) {
	for _, service := range []string{"aws", "azure", "gcp", "vault"} {
		for name, want := range map[string]string{"Deadline": "did not answer in time", "GivenUp": "given up"} {
			t.Run(service+"/"+name, func(t *testing.T) {
				w := newWorld(t)
				asked := w.Hang(w.hosts[service])
				u := w.unwrapper(t, w.static(t), nil)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				done := make(chan error, 1)
				go func() {
					_, err := u.Unwrap(ctx, w.keys[service])
					done <- err
				}()
				<-asked
				if name == "Deadline" {
					w.clock.late <- time.Time{}
				} else {
					cancel()
				}
				harmless(t, <-done, want)
				if got := w.Count(w.hosts[service]); got != 1 {
					t.Errorf("%d requests, want no second", got)
				}
			})
		}
	}
}

func TestHostileKeys(t *testing.T) {
	w := newWorld(t)
	u := w.unwrapper(t, w.static(t), someone{})
	cases := map[string]struct {
		why  string
		key  sopskeys.MasterKey
		want string
	}{
		"RegionWithHost":   {"a region becomes part of a host", &kms.MasterKey{Arn: "arn:aws:kms:x.evil.com/#:1:key/a"}, "not the ARN"},
		"RoleNotARN":       {"so could a role", &kms.MasterKey{Arn: arn, Role: "arn:aws:iam::1:user/x", EncryptedKey: "YQ=="}, "not the ARN of a role"},
		"StrangeRole":      {"STS answers", &kms.MasterKey{Arn: arn, Role: "arn:aws:iam::1:role/x", EncryptedKey: "YQ=="}, "assuming its role: the service answers 403"},
		"NotBase64":        {"a library would quote it", &kms.MasterKey{Arn: arn, EncryptedKey: "%%data-key-canary-of-32-bytes-long"}, "not base64"},
		"AzurePlain":       {"tokens travel over TLS", &azkv.MasterKey{VaultURL: "http://team.vault.azure.net", Name: "n"}, "https URL"},
		"AzurePath":        {"a name is no path", &azkv.MasterKey{VaultURL: "https://team.vault.azure.net", Name: "../x"}, "malformed"},
		"GCPResource":      {"a resource is no path", &gcpkms.MasterKey{ResourceID: "projects/../x"}, "not the resource ID"},
		"GCPNotBase64":     {"nothing is sent", &gcpkms.MasterKey{ResourceID: resource, EncryptedKey: "%"}, "not base64"},
		"VaultScheme":      {"no other protocols", &hcvault.MasterKey{VaultAddress: "file:///etc", EnginePath: "e", KeyName: "k"}, "not an http or https URL"},
		"VaultUserInfo":    {"a credential in the address", &hcvault.MasterKey{VaultAddress: "https://u:azure-secret-canary@v", EnginePath: "e", KeyName: "k"}, "more than scheme"},
		"VaultEngine":      {"stays below /v1/", &hcvault.MasterKey{VaultAddress: "https://vault.example.com:8200", EnginePath: "../sys", KeyName: "k"}, "malformed"},
		"VaultName":        {"no query either", &hcvault.MasterKey{VaultAddress: "https://vault.example.com:8200", EnginePath: "e", KeyName: "k?x"}, "malformed"},
		"Metadata":         {"the guard of egress", &hcvault.MasterKey{VaultAddress: "http://169.254.169.254", EnginePath: "e", KeyName: "k"}, "link-local addresses are never dialled"},
		"HuaweiCloud":      {"not supported, and said so", &hckms.MasterKey{KeyID: "r:k"}, "not supported"},
		"WrongCiphertext":  {"the service says so", &kms.MasterKey{Arn: arn, EncryptedKey: "YWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFhYWFh"}, "InvalidCiphertextException"},
		"StrangeVaultPath": {"the transit engine is another", &hcvault.MasterKey{VaultAddress: "https://vault.example.com:8200", EnginePath: "other", KeyName: "sops", EncryptedKey: w.keys["vault"].(*hcvault.MasterKey).EncryptedKey}, "400 Bad Request"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := u.Unwrap(t.Context(), tc.key)
			harmless(t, err, tc.want)
			if strings.Contains(Name(tc.key), "azure-secret-canary") {
				t.Errorf("%s: the name shows it: %s", tc.why, Name(tc.key))
			}
		})
	}
}

// TestUnlistedVault shows that a token of a ServiceAccount goes to listed servers only.
func TestUnlistedVault(t *testing.T) {
	w := newWorld(t)
	other := fakekms.NewVault(w.World, "evil.example.com")
	key := &hcvault.MasterKey{VaultAddress: "https://evil.example.com", EnginePath: "e", KeyName: "k", EncryptedKey: other.Wrap("e", "k", []byte(dataKey))}
	_, err := w.unwrapper(t, keys.Keys{}, someone{}).Unwrap(t.Context(), key)
	harmless(t, err, "not on the list")
	if got := w.Count("evil.example.com"); got != 0 {
		t.Errorf("%d requests to a server that is not listed", got)
	}
}

// TestVaultOfAnother shows that a vault cannot ask for a token that is meant for
// others.
func TestVaultOfAnother(t *testing.T) {
	w := newWorld(t)
	evil := fakekms.NewAzure(w.World, "evil.example.com", "login.microsoftonline.com")
	key := &azkv.MasterKey{VaultURL: "https://evil.example.com", Name: "k", Version: "v", EncryptedKey: evil.Wrap([]byte(dataKey))}
	_, err := w.unwrapper(t, keys.Keys{}, someone{}).Unwrap(t.Context(), key)
	harmless(t, err, "")
	for _, request := range w.Requests() {
		if strings.Contains(request, "evil") && strings.HasPrefix(request, "POST") && w.Count("evil.example.com") > 1 {
			t.Errorf("the vault was asked again after its challenge: %v", w.Requests())
		}
	}
}
