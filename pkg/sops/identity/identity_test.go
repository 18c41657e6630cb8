package identity_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/auth"
	"github.com/fluxcd/pkg/cache"
	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/sops/fakekms"
	"github.com/capstan-gitops/capstan/pkg/sops/identity"
	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

const (
	role   = "arn:aws:iam::123456789012:role/tenant"
	tenant = "11111111-2222-3333-4444-555555555555"
)

func TestMain(m *testing.M) {
	// The library keeps the feature gate in a variable of its own.
	auth.EnableObjectLevelWorkloadIdentity()
	os.Exit(m.Run())
}

// cluster answers TokenRequests with a token that names account and audience.
func cluster(t *testing.T, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).WithInterceptorFuncs(interceptor.Funcs{
		SubResourceCreate: func(ctx context.Context, c client.Client, sub string, obj, request client.Object, _ ...client.SubResourceCreateOption) error {
			if err := c.Get(ctx, client.ObjectKeyFromObject(obj), &corev1.ServiceAccount{}); err != nil {
				return err
			}
			tr, ok := request.(*authenticationv1.TokenRequest)
			if !ok || sub != "token" {
				return errors.New("not a token request")
			}
			tr.Status.Token = "account-token-canary." + obj.GetNamespace() + "." + obj.GetName() + "." + strings.Join(tr.Spec.Audiences, ",")
			return nil
		},
	}).Build()
}

func account(name string, annotations map[string]string) *corev1.ServiceAccount {
	return &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Namespace: "team", Name: name, Annotations: annotations}}
}

func options(t *testing.T, w *fakekms.World, objects ...client.Object) identity.Options {
	t.Helper()
	o := w.Egress()
	o.MaxRedirects = -1
	httpClient, err := egress.NewClient(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(httpClient.CloseIdleConnections)
	return identity.Options{Client: cluster(t, objects...), HTTP: httpClient, Controller: types.NamespacedName{Namespace: "flux-system", Name: "kustomize-controller"}}
}

var unit = types.NamespacedName{Namespace: "team", Name: "apps"}

func TestServiceAccountIsExchanged(t *testing.T) {
	w := fakekms.Start(t)
	aws := fakekms.NewAWS(w, "eu-west-1")
	aws.Roles[role] = "ROLE"
	aws.WebTokens["account-token-canary.team.app.sts.amazonaws.com"] = true
	azure := fakekms.NewAzure(w, "v.vault.azure.net", "login.microsoftonline.com")
	azure.Assertions["account-token-canary.team.app.api://AzureADTokenExchange"] = true
	gcp := fakekms.NewGCP(w)
	pool := "projects/1/locations/global/workloadIdentityPools/p/providers/q"
	gcp.Subjects["account-token-canary.team.app.//iam.googleapis.com/"+pool] = true
	id := identity.ForServiceAccount(options(t, w, account("app", map[string]string{
		"eks.amazonaws.com/role-arn":        role,
		"azure.workload.identity/tenant-id": tenant, "azure.workload.identity/client-id": "client",
		"gcp.auth.fluxcd.io/workload-identity-provider": pool,
	})), unit, "app")

	credentials, err := id.AWS(t.Context(), "eu-west-1")
	if err != nil || credentials.AccessKeyID != "ROLE" || credentials.SessionToken == "" {
		t.Errorf("AWS: key %s, %v", credentials.AccessKeyID, err)
	}
	access, err := id.Azure(t.Context(), []string{"https://vault.azure.net/.default"})
	if err != nil || access.Token != "entra-token-canary" {
		t.Errorf("Azure: %v", err)
	}
	token, err := id.GCP(t.Context())
	if err != nil || token.AccessToken != "google-token-canary" {
		t.Errorf("GCP: %v", err)
	}
	if len(w.Requests()) < 3 {
		t.Errorf("the exchanges did not go through egress: %v", w.Requests())
	}
}

func TestTokensAreKept(t *testing.T) {
	w := fakekms.Start(t)
	aws := fakekms.NewAWS(w, "eu-west-1")
	aws.Roles[role], aws.WebTokens["account-token-canary.team.app.sts.amazonaws.com"] = "ROLE", true
	o := options(t, w, account("app", map[string]string{"eks.amazonaws.com/role-arn": role}))
	kept, err := cache.NewTokenCache(10)
	if err != nil {
		t.Fatal(err)
	}
	o.Cache = kept
	for range 3 {
		if _, err := identity.ForServiceAccount(o, unit, "app").AWS(t.Context(), "eu-west-1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := w.Count("sts.eu-west-1.amazonaws.com"); got != 1 {
		t.Errorf("%d exchanges, want one", got)
	}
}

func TestVaultRole(t *testing.T) {
	own := account("kustomize-controller", nil)
	own.Namespace = "flux-system"
	o := options(t, fakekms.Start(t), account("app", nil), own)
	for name, tc := range map[string]struct {
		why         string
		id          *identity.Identity
		role, token string
	}{
		"ServiceAccount": {"of the unit's namespace", identity.ForServiceAccount(o, unit, "app"), "team_app", "account-token-canary.team.app.https://vault"},
		"Controller":     {"when the unit names none", identity.ForController(o, unit), "flux-system_kustomize-controller", "account-token-canary.flux-system.kustomize-controller.https://vault"},
	} {
		token, role, err := tc.id.Vault(t.Context(), "https://vault")
		if err != nil || role != tc.role || token.Reveal() != tc.token {
			t.Errorf("%s, %s: role %q and %v", name, tc.why, role, err)
		}
	}
}

func TestFailuresShowNothing(t *testing.T) {
	w := fakekms.Start(t)
	fakekms.NewAWS(w, "eu-west-1")
	o := options(t, w, account("bare", nil), account("wrong", map[string]string{"eks.amazonaws.com/role-arn": "x"}),
		account("stranger", map[string]string{"eks.amazonaws.com/role-arn": role}))
	for name, tc := range map[string]struct{ why, account, want string }{
		"Missing":  {"the API server says so", "gone", "answers NotFound for ServiceAccount team/gone"},
		"Bare":     {"no role to assume", "bare", "eks.amazonaws.com/role-arn"},
		"Wrong":    {"not a role", "wrong", "invalid eks.amazonaws.com/role-arn"},
		"Stranger": {"STS quotes the token", "stranger", ""},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := identity.ForServiceAccount(o, unit, tc.account).AWS(t.Context(), "eu-west-1")
			var shown unwrap.Reason
			if err == nil || tc.want != "" && (!errors.As(err, &shown) || !strings.Contains(shown.Error(), tc.want)) {
				t.Fatalf("%s: error %v, want %q", tc.why, err, tc.want)
			}
			if leak := fakekms.Leak(shown.Error(), "account-token-canary"); leak != "" {
				t.Errorf("%s: the error shows %s", tc.why, leak)
			}
		})
	}
	if _, _, err := identity.ForServiceAccount(o, unit, "gone").Vault(t.Context(), "a"); err == nil || !strings.Contains(err.Error(), "NotFound") {
		t.Errorf("a token of an account that is not there: %v", err)
	}
	o.Controller = types.NamespacedName{}
	if _, _, err := identity.ForController(o, unit).Vault(t.Context(), "a"); err == nil {
		t.Error("a token of nobody")
	}
}
