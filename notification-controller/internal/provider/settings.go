package provider

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	notificationv1beta3 "github.com/capstan-gitops/capstan/apis/notification/v1beta3"
)

// maxAddress is the longest address in a Secret.
const maxAddress = 2048

// Secrets are the data of the Secrets a Provider refers to; nil where it refers
// to none.
type Secrets struct {
	Main, Proxy, Cert map[string][]byte
}

// Settings are a Provider made ready for use.
type Settings struct {
	Type, Address, Channel, Username string
	// Token and Password are secret; so are the address, whose path often is the
	// credential, and the values of Headers.
	Token, Password string
	Headers         map[string]string
	Proxy           *url.URL
	// CA replaces the authorities of the system.
	CA         []byte
	ClientCert *tls.Certificate
	Timeout    time.Duration
}

// NewSettings reads a Provider. An error is final: it takes a change of the
// Provider or of a Secret to mend it.
func NewSettings(p *notificationv1beta3.Provider, s Secrets) (*Settings, error) {
	timeout, err := p.GetTimeout()
	if err != nil {
		return nil, err
	}
	out := &Settings{
		Type: p.Spec.Type, Address: p.Spec.Address, Channel: p.Spec.Channel, Username: p.Spec.Username, Timeout: timeout,
	}
	for _, read := range []func() error{
		func() error { return out.readMain(s.Main) },
		func() error { return out.readProxy(p.Spec.Proxy, s) },
		func() error { return out.readCert(s.Cert) },
		out.validate,
	} {
		if err := read(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (s *Settings) readMain(data map[string][]byte) error {
	if address := strings.TrimSpace(string(data["address"])); address != "" {
		if len(address) > maxAddress {
			return fmt.Errorf("reading the key address of the Secret: it is longer than %d bytes", maxAddress)
		}
		s.Address = address
	}
	s.Token = strings.TrimSpace(string(data["token"]))
	username, password := string(data["username"]), string(data["password"])
	s.Password = password
	if username != "" && password != "" {
		s.Username = username
	}
	if raw, ok := data["headers"]; ok {
		// The text of a decoding error may quote the values, so it is not shown.
		if err := yaml.Unmarshal(raw, &s.Headers); err != nil {
			return errors.New("reading the key headers of the Secret: it is not a YAML map of texts")
		}
	}
	return nil
}

func (s *Settings) readProxy(inSpec string, secrets Secrets) error {
	raw, where := inSpec, "spec.proxy"
	if old := strings.TrimSpace(string(secrets.Main["proxy"])); old != "" {
		raw, where = old, "the key proxy of the Secret"
	}
	if secrets.Proxy != nil {
		raw, where = strings.TrimSpace(string(secrets.Proxy["address"])), "the key address of the proxy Secret"
		if raw == "" {
			return fmt.Errorf("reading %s: it is missing or empty", where)
		}
	}
	if raw == "" {
		return nil
	}
	proxy, err := parseURL(raw, "http", "https", "socks5")
	if err != nil {
		return fmt.Errorf("reading %s: %w", where, err)
	}
	username, password := string(secrets.Proxy["username"]), string(secrets.Proxy["password"])
	if username != "" {
		proxy.User = url.UserPassword(username, password)
	}
	s.Proxy = proxy
	return nil
}

func (s *Settings) readCert(data map[string][]byte) error {
	pick := func(key, old string) []byte {
		if v := data[key]; len(v) > 0 {
			return v
		}
		return data[old]
	}
	s.CA = pick("ca.crt", "caFile")
	cert, key := pick("tls.crt", "certFile"), pick("tls.key", "keyFile")
	if (len(cert) == 0) != (len(key) == 0) {
		return errors.New("reading the certificate Secret: tls.crt and tls.key belong together, one of them is missing")
	}
	if len(cert) > 0 {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return errors.New("reading the certificate Secret: tls.crt and tls.key are not a pair in PEM")
		}
		s.ClientCert = &pair
	}
	if data != nil && len(s.CA) == 0 && s.ClientCert == nil {
		return errors.New("reading the certificate Secret: it has neither ca.crt nor tls.crt and tls.key")
	}
	return nil
}

func (s *Settings) validate() error {
	if s.Address == "" {
		return errors.New("reading the address: neither spec.address nor the key address of the Secret is set")
	}
	if _, err := parseURL(s.Address, "http", "https"); err != nil {
		return fmt.Errorf("reading the address: %w", err)
	}
	return nil
}

// parseURL parses a URL that may be a secret: no error quotes it.
func parseURL(raw string, schemes ...string) (*url.URL, error) {
	if len(raw) > maxAddress {
		return nil, fmt.Errorf("it is longer than %d bytes", maxAddress)
	}
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return nil, errors.New("it is not a URL")
	}
	for _, scheme := range schemes {
		if strings.EqualFold(u.Scheme, scheme) {
			return u, nil
		}
	}
	return nil, fmt.Errorf("its scheme is not one of %s", strings.Join(schemes, ", "))
}
