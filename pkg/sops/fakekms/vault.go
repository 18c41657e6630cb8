package fakekms

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
)

// Vault is a Vault or OpenBao server with transit engines and a login for tokens of
// ServiceAccounts.
type Vault struct {
	sealer
	// Tokens are those it accepts.
	Tokens map[string]bool
	// Logins maps a path, a role and a token of a ServiceAccount, separated by
	// spaces, to the token that the login gives.
	Logins map[string]string
}

// NewVault puts a server into the world.
func NewVault(w *World, host string) *Vault {
	v := &Vault{sealer: newSealer(), Tokens: map[string]bool{}, Logins: map[string]string{}}
	w.Handle(host, v)
	return v
}

// Wrap encrypts a data key as a document holds it.
func (v *Vault) Wrap(engine, name string, dataKey []byte) string {
	return "vault:v1:" + base64.StdEncoding.EncodeToString(v.seal(dataKey, engine+"/decrypt/"+name))
}

// ServeHTTP serves the API.
func (v *Vault) ServeHTTP(res http.ResponseWriter, req *http.Request) {
	path := strings.TrimPrefix(req.URL.Path, "/v1/")
	var in struct{ Ciphertext, Role, JWT string }
	if json.NewDecoder(req.Body).Decode(&in) != nil {
		reply(res, http.StatusBadRequest, map[string]any{"errors": []string{"no body"}})
		return
	}
	if strings.HasSuffix(path, "/login") {
		token, ok := v.Logins[path+" "+in.Role+" "+in.JWT]
		if !ok {
			reply(res, http.StatusForbidden, map[string]any{"errors": []string{"permission denied for " + in.JWT}})
			return
		}
		v.Tokens[token] = true
		reply(res, http.StatusOK, map[string]any{"auth": map[string]any{"client_token": token, "lease_duration": 60}})
		return
	}
	if !v.Tokens[req.Header.Get("X-Vault-Token")] {
		reply(res, http.StatusForbidden, map[string]any{"errors": []string{"permission denied: " + req.Header.Get("X-Vault-Token")}})
		return
	}
	sealed, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(in.Ciphertext, "vault:v1:"))
	if err != nil {
		reply(res, http.StatusBadRequest, map[string]any{"errors": []string{"invalid ciphertext"}})
		return
	}
	plain, err := v.open(sealed, path)
	if err != nil {
		reply(res, http.StatusBadRequest, map[string]any{"errors": []string{"invalid ciphertext"}})
		return
	}
	reply(res, http.StatusOK, map[string]any{"data": map[string]any{"plaintext": plain}})
}
