package provider

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/yaml"

	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
)

// Secrets are the data of the Secrets a Provider refers to; nil where it refers
// to none.
type Secrets struct {
	Main, Proxy, Cert map[string][]byte
	// OldProxy is spec.proxy of a Provider that is still stored as v1beta3; v1 does
	// not have the field.
	OldProxy string
}

// Settings are what a Provider and its Secrets say. Which of it is needed, and of
// what form, is for the service to check.
type Settings struct {
	// Provider is the one they were read from.
	Provider                   types.NamespacedName
	Address, Channel, Username string
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
// Provider or of a Secret to correct it.
func NewSettings(p *notificationv1.Provider, s Secrets) (*Settings, error) {
	provider := types.NamespacedName{Namespace: p.Namespace, Name: p.Name}
	timeout, err := p.GetTimeout()
	if err != nil {
		return nil, unusable(provider, err)
	}
	out := &Settings{
		Provider: provider, Address: p.Spec.Address, Channel: p.Spec.Channel, Username: p.Spec.Username, Timeout: timeout,
	}
	for _, read := range []func() error{
		func() error { return out.readMain(s.Main) },
		func() error { return out.readProxy(s) },
		func() error { return out.readCert(s.Cert) },
	} {
		if err := read(); err != nil {
			return nil, unusable(provider, err)
		}
	}
	return out, nil
}

// unusable is the final error about a Provider that nothing can be sent with.
func unusable(provider types.NamespacedName, err error) error {
	return Final(fmt.Errorf("preparing Provider %s: %w", provider.Name, err))
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

func (s *Settings) readProxy(secrets Secrets) error {
	raw, where := secrets.OldProxy, "spec.proxy"
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
