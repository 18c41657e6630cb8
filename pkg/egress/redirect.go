package egress

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Origin is scheme, host and port of a URL, with the default port spelled out:
// two URLs of the same origin give the same text.
func Origin(u *url.URL) string {
	scheme := strings.ToLower(u.Scheme)
	port := u.Port()
	if port == "" {
		switch scheme {
		case "http":
			port = "80"
		case "https":
			port = "443"
		}
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	return scheme + "://" + host + ":" + port
}

// RedirectPolicy decides about redirects for an http.Client: at most
// MaxRedirects, never from https to http, and nothing that could be a
// credential crosses to another origin. Once a chain has left its origin the
// headers stay off, also when it returns.
func RedirectPolicy(o Options) func(*http.Request, []*http.Request) error {
	limit := o.MaxRedirects
	if limit == 0 {
		limit = defaultMaxRedirects
	}
	return func(req *http.Request, via []*http.Request) error {
		if limit < 0 {
			return fmt.Errorf("redirect to %s refused: redirects are not followed here", Redact(req.URL.String()))
		}
		if len(via) > limit {
			return fmt.Errorf("redirect to %s refused: more than %d redirects", Redact(req.URL.String()), limit)
		}
		if scheme := strings.ToLower(req.URL.Scheme); scheme != "http" && scheme != "https" {
			return fmt.Errorf("redirect to %s refused: only http and https are followed", Redact(req.URL.String()))
		}
		if strings.EqualFold(via[len(via)-1].URL.Scheme, "https") && !strings.EqualFold(req.URL.Scheme, "https") {
			return fmt.Errorf("redirect to %s refused: it leaves https", Redact(req.URL.String()))
		}
		req.Header.Del("Referer")
		if !leftOrigin(req, via) {
			return nil
		}
		if o.ClientCert != nil {
			return errors.New("redirect refused: it leaves the origin that the client certificate is meant for")
		}
		keepHarmless(req)
		return nil
	}
}

// leftOrigin reports whether any hop so far, including the coming one, is of
// another origin than the first request.
func leftOrigin(req *http.Request, via []*http.Request) bool {
	origin := Origin(via[0].URL)
	for _, hop := range append(via[1:len(via):len(via)], req) {
		if Origin(hop.URL) != origin {
			return true
		}
	}
	return false
}

// keepHarmless drops every header that is not known to be harmless. A list of
// what to drop could never be complete: tokens travel under any name.
func keepHarmless(req *http.Request) {
	kept := http.Header{}
	for _, name := range []string{"Accept", "Accept-Encoding", "Content-Type", "Git-Protocol", "Range", "User-Agent"} {
		if values := req.Header.Values(name); len(values) > 0 {
			kept[name] = values
		}
	}
	req.Header = kept
	req.URL.User = nil
}
