package fakekms

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
)

// GCP is Google's KMS and token endpoints.
type GCP struct {
	sealer
	key *rsa.PrivateKey
	// Subjects are tokens of ServiceAccounts that Google's STS trusts.
	Subjects map[string]bool
}

// gcpToken is what the token endpoints give for a good login.
const gcpToken = "google-token-canary"

// NewGCP puts the services into the world.
func NewGCP(w *World) *GCP {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	g := &GCP{sealer: newSealer(), key: key, Subjects: map[string]bool{}}
	w.Handle("cloudkms.googleapis.com", http.HandlerFunc(g.kms))
	w.Handle("oauth2.googleapis.com", http.HandlerFunc(g.login))
	w.Handle("sts.googleapis.com", http.HandlerFunc(g.exchange))
	return g
}

// ServiceAccount returns a key file that the token endpoint accepts.
func (g *GCP) ServiceAccount() []byte {
	der, err := x509.MarshalPKCS8PrivateKey(g.key)
	if err != nil {
		panic(err)
	}
	out, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sops@p.iam.gserviceaccount.com", "private_key_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
		"token_uri":   "https://oauth2.googleapis.com/token",
	})
	if err != nil {
		panic(err)
	}
	return out
}

// Wrap encrypts a data key as a document holds it.
func (g *GCP) Wrap(resource string, dataKey []byte) string {
	return base64.StdEncoding.EncodeToString(g.seal(dataKey, resource))
}

func (g *GCP) kms(res http.ResponseWriter, req *http.Request) {
	refuse := func(status int, code string) {
		reply(res, status, map[string]any{"error": map[string]any{"code": status, "status": code, "message": req.Header.Get("Authorization")}})
	}
	if req.Header.Get("Authorization") != "Bearer "+gcpToken {
		refuse(http.StatusUnauthorized, "UNAUTHENTICATED")
		return
	}
	resource, ok := strings.CutSuffix(strings.TrimPrefix(req.URL.Path, "/v1/"), ":decrypt")
	var in struct{ Ciphertext []byte }
	if !ok || json.NewDecoder(req.Body).Decode(&in) != nil {
		refuse(http.StatusBadRequest, "INVALID_ARGUMENT")
		return
	}
	plain, err := g.open(in.Ciphertext, resource)
	if err != nil {
		refuse(http.StatusBadRequest, "INVALID_ARGUMENT")
		return
	}
	reply(res, http.StatusOK, map[string]any{"plaintext": plain, "usedPrimary": true})
}

func (g *GCP) login(res http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm()
	assertion := req.PostForm.Get("assertion")
	if req.PostForm.Get("grant_type") != "urn:ietf:params:oauth:grant-type:jwt-bearer" || strings.Count(assertion, ".") != 2 {
		reply(res, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": assertion})
		return
	}
	g.grant(res)
}

func (g *GCP) exchange(res http.ResponseWriter, req *http.Request) {
	_ = req.ParseForm()
	if subject := req.PostForm.Get("subject_token"); !g.Subjects[subject] {
		reply(res, http.StatusBadRequest, map[string]string{"error": "invalid_grant", "error_description": subject})
		return
	}
	g.grant(res)
}

func (*GCP) grant(res http.ResponseWriter) {
	reply(res, http.StatusOK, map[string]any{
		"access_token": gcpToken, "token_type": "Bearer", "expires_in": 3600,
		"issued_token_type": "urn:ietf:params:oauth:token-type:access_token",
	})
}
