package kubeconfig

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// loopback is where no proxy of a tenant is.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// ParseAddress reads the address of an API server, of which the scheme and the
// port may be left out: https and 443. Errors are without context and show the
// address redacted.
func ParseAddress(address string, o Options) (*url.URL, error) {
	server, err := parseServer(address, o)
	if err != nil {
		return nil, err
	}
	if strings.Trim(server.Path, "/") != "" {
		return nil, fmt.Errorf("%s has a path, which an address has not", redact(server.String()))
	}
	server.Path, server.RawPath = "", ""
	server.Host = strings.ToLower(server.Host)
	if server.Port() == "" {
		server.Host += ":443"
	}
	return server, nil
}

func parseServer(raw string, o Options) (*url.URL, error) {
	if raw == "" {
		return nil, errors.New("it is not set")
	}
	if !strings.Contains(raw, "://") {
		raw = "https://" + raw
	}
	server, err := url.Parse(raw)
	if err != nil || server.Hostname() == "" || server.Opaque != "" {
		return nil, fmt.Errorf("%s is not the address of a server", redact(raw))
	}
	clean := redact(raw)
	switch {
	case server.User != nil:
		return nil, fmt.Errorf("%s came with user information, which an address has not", clean)
	case server.RawQuery != "" || server.Fragment != "":
		return nil, fmt.Errorf("%s has a query or a fragment, which an address has not", clean)
	case server.Scheme == "https", server.Scheme == "http" && o.AllowInsecureTLS:
	default:
		return nil, fmt.Errorf("%s is not https", clean)
	}
	return server, checkHost(server.Hostname(), o.Guard)
}

// redact shows an address without its secrets, and cut.
func redact(address string) string {
	const most = 200
	text := egress.Redact(address)
	if len(text) > most {
		text = text[:most] + "…"
	}
	return text
}

func parseProxy(raw string, o Options) (*url.URL, error) {
	proxy, err := url.Parse(raw)
	if err != nil || proxy.Hostname() == "" {
		return nil, fmt.Errorf("%s is not the address of a proxy", redact(raw))
	}
	if !slices.Contains([]string{"http", "https", "socks5"}, proxy.Scheme) {
		return nil, fmt.Errorf("%s is not http, https or socks5", redact(raw))
	}
	host := strings.ToLower(strings.TrimSuffix(proxy.Hostname(), "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		host = "127.0.0.1"
	}
	return proxy, checkHost(host, proxyGuard(o.Guard))
}

// proxyGuard is the guard of connections to a proxy that a tenant named. Loopback
// is the controller's own pod.
func proxyGuard(guard egress.Guard) egress.Guard {
	guard.Denied = slices.Concat(guard.Denied, loopback)
	return guard
}

// checkHost refuses a literal address before anything is dialled. A name is
// checked when it is resolved.
func checkHost(host string, guard egress.Guard) error {
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil //nolint:nilerr // It is a name.
	}
	return guard.Check(addr)
}
