package provider

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

const (
	masked = "*****"
	// minSecret is the shortest value that is masked; shorter ones would mask words.
	minSecret = 4
)

// redact returns an error of the same class whose text holds no secret of the
// settings, neither as it is nor URL-encoded nor in base64. It has no cause,
// because the cause may hold them.
func (s *Settings) redact(err error) error {
	if err == nil {
		return nil
	}
	text := egress.RedactError(err).Error()
	for _, secret := range s.secrets() {
		for _, form := range forms(secret) {
			text = strings.ReplaceAll(text, form, masked)
		}
	}
	return &Error{text: text, final: IsFinal(err), after: PauseOf(err)}
}

// secrets lists every value that must not be seen. Of the address that is the
// path: for most services it is the credential.
func (s *Settings) secrets() []string {
	out := []string{s.Token, s.Password}
	for _, value := range s.Headers {
		out = append(out, value)
	}
	address, err := url.Parse(s.Address)
	if err != nil {
		address = nil
	}
	for _, u := range []*url.URL{address, s.Proxy} {
		if u == nil {
			continue
		}
		out = append(out, u.EscapedPath(), u.RawQuery)
		if password, ok := u.User.Password(); ok {
			out = append(out, password)
		}
	}
	return out
}

func forms(secret string) []string {
	if len(secret) < minSecret {
		return nil
	}
	raw := []byte(secret)
	return []string{
		secret, url.QueryEscape(secret), url.PathEscape(secret),
		base64.StdEncoding.EncodeToString(raw), base64.RawStdEncoding.EncodeToString(raw),
		base64.URLEncoding.EncodeToString(raw), base64.RawURLEncoding.EncodeToString(raw),
	}
}
