package egress_test

import (
	"encoding/pem"
	"errors"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

func certificate(s *httptest.Server) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// TestRedact guards against secrets in messages and logs: no part of a URL that
// can hold a secret survives.
func TestRedact(t *testing.T) {
	cases := map[string]struct {
		why, in, want string
	}{
		"Plain":      {"nothing to hide", "https://example.com/a/b", "https://example.com/a/b"},
		"UserInfo":   {"user and password go", "https://user:canary@example.com/a", "https://example.com/a"},
		"TokenUser":  {"a token is often the user", "https://canary@example.com/a", "https://example.com/a"},
		"Query":      {"values go, names stay", "https://example.com/a?sig=canary&v=1", "https://example.com/a?sig=redacted&v=redacted"},
		"BareQuery":  {"a piece without a name may be the token", "https://example.com/a?canary", "https://example.com/a?redacted"},
		"Fragment":   {"fragments carry tokens too", "https://example.com/a#canary", "https://example.com/a"},
		"Opaque":     {"scp-like text parses as opaque", "git:canary@example.com:a/b", "git:redacted"},
		"Unparsable": {"a broken URL shows its host only", "https://u:canary@example.com/%zz?x=canary", "https://example.com/redacted"},
		"NotAURL":    {"no host, no text", "u:canary@host/\x00", "redacted"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := egress.Redact(tc.in)
			if got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.why, got, tc.want)
			}
			if strings.Contains(got, "canary") {
				t.Errorf("%s: the secret is visible in %q", tc.why, got)
			}
		})
	}
}

func TestRedactError(t *testing.T) {
	cause := errors.New(`dial tcp: lookup via http://proxy:canary@p.example:3128/ refused, see "https://e.com/?t=canary"`)
	err := egress.RedactError(&url.Error{Op: "Get", URL: "https://u:canary@x.com/%zz y?token=canary", Err: cause})
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("the secret is visible: %v", err)
	}
	if !strings.Contains(err.Error(), "p.example:3128") {
		t.Errorf("more than the secret was removed: %v", err)
	}
	if !errors.Is(err, cause) {
		t.Error("the cause is lost")
	}
	if egress.RedactError(nil) != nil {
		t.Error("nil became an error")
	}
}
