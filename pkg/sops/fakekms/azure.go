package fakekms

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// Azure is one Key Vault and the Entra ID tenant it trusts.
type Azure struct {
	key *rsa.PrivateKey
	// Tenant is its ID.
	Tenant string
	// Secrets maps client IDs to their secrets.
	Secrets map[string]string
	// Assertions are tokens of ServiceAccounts that Entra ID trusts.
	Assertions map[string]bool
	// Resource is what the vault says that tokens have to be for.
	Resource string
	vault    string
}

// azureToken is what Entra ID gives for a good login.
const azureToken = "entra-token-canary"

// NewAzure puts a vault and an authority into the world.
func NewAzure(w *World, vault, authority string) *Azure {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	a := &Azure{
		key: key, Tenant: "11111111-2222-3333-4444-555555555555", Resource: "https://vault.azure.net", vault: vault,
		Secrets: map[string]string{}, Assertions: map[string]bool{},
	}
	w.Handle(vault, http.HandlerFunc(a.serveVault))
	w.Handle(authority, a.entra(authority))
	return a
}

// Wrap encrypts a data key as a document holds it.
func (a *Azure) Wrap(dataKey []byte) string {
	out, err := rsa.EncryptOAEP(sha256.New(), rand.Reader, &a.key.PublicKey, dataKey, nil)
	if err != nil {
		panic(err)
	}
	return base64.RawURLEncoding.EncodeToString(out)
}

func (a *Azure) serveVault(res http.ResponseWriter, req *http.Request) {
	refuse := func(status int, code string) {
		reply(res, status, map[string]any{"error": map[string]string{"code": code, "message": "sent " + req.Header.Get("Authorization")}})
	}
	if req.Header.Get("Authorization") == "" {
		res.Header().Set("WWW-Authenticate", fmt.Sprintf(
			`Bearer authorization="https://login.microsoftonline.com/%s", resource="%s"`, a.Tenant, a.Resource))
		refuse(http.StatusUnauthorized, "Unauthorized")
		return
	}
	if req.Header.Get("Authorization") != "Bearer "+azureToken {
		refuse(http.StatusForbidden, "Forbidden")
		return
	}
	var in struct{ Alg, Value string }
	if !strings.HasSuffix(req.URL.Path, "/decrypt") || req.URL.Query().Get("api-version") == "" ||
		json.NewDecoder(req.Body).Decode(&in) != nil || in.Alg != "RSA-OAEP-256" {
		refuse(http.StatusBadRequest, "BadParameter")
		return
	}
	sealed, err := base64.RawURLEncoding.DecodeString(in.Value)
	if err != nil {
		refuse(http.StatusBadRequest, "BadParameter")
		return
	}
	plain, err := rsa.DecryptOAEP(sha256.New(), nil, a.key, sealed, nil)
	if err != nil {
		refuse(http.StatusBadRequest, "BadParameter")
		return
	}
	reply(res, http.StatusOK, map[string]string{
		"kid": "https://" + a.vault + strings.TrimSuffix(req.URL.Path, "/decrypt"), "value": base64.RawURLEncoding.EncodeToString(plain),
	})
}

// entra answers discovery and logins.
func (a *Azure) entra(authority string) http.Handler {
	base := "https://" + authority + "/" + a.Tenant
	mux := http.NewServeMux()
	mux.HandleFunc("GET /common/discovery/instance", func(res http.ResponseWriter, _ *http.Request) {
		reply(res, http.StatusOK, map[string]any{
			"tenant_discovery_endpoint": base + "/v2.0/.well-known/openid-configuration",
			"metadata": []any{map[string]any{
				"preferred_network": authority, "preferred_cache": authority, "aliases": []string{authority},
			}},
		})
	})
	mux.HandleFunc("GET /"+a.Tenant+"/v2.0/.well-known/openid-configuration", func(res http.ResponseWriter, _ *http.Request) {
		reply(res, http.StatusOK, map[string]string{
			"authorization_endpoint": base + "/oauth2/v2.0/authorize", "token_endpoint": base + "/oauth2/v2.0/token", "issuer": base + "/v2.0",
		})
	})
	mux.HandleFunc("POST /"+a.Tenant+"/oauth2/v2.0/token", func(res http.ResponseWriter, req *http.Request) {
		_ = req.ParseForm()
		secret, known := a.Secrets[req.PostForm.Get("client_id")]
		good := known && secret == req.PostForm.Get("client_secret") || a.Assertions[req.PostForm.Get("client_assertion")]
		if !good || req.PostForm.Get("grant_type") != "client_credentials" || !strings.Contains(req.PostForm.Get("scope"), a.Resource) {
			reply(res, http.StatusUnauthorized, map[string]string{
				"error": "invalid_client", "error_description": "wrong: " + req.PostForm.Get("client_secret") + req.PostForm.Get("client_assertion"),
			})
			return
		}
		reply(res, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": azureToken})
	})
	return mux
}
