package provider

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// maxAddress is the longest address of a service or a proxy.
const maxAddress = 2048

// CheckHTTPAddress reports whether the address is there and is an http or https
// URL. Services that are reached through such a URL call it in Check.
func CheckHTTPAddress(s *Settings) error {
	if s.Address == "" {
		return unusable(s.Provider, errors.New("reading the address: neither spec.address nor the key address of the Secret is set"))
	}
	if _, err := parseURL(s.Address, "http", "https"); err != nil {
		return unusable(s.Provider, fmt.Errorf("reading the address: %w", err))
	}
	return nil
}

// parseURL parses a URL that may be a secret, so no error quotes it.
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
