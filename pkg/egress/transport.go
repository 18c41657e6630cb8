package egress

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"
)

const (
	defaultDialTimeout   = 10 * time.Second
	defaultMaxRedirects  = 5
	tlsHandshakeTimeout  = 10 * time.Second
	idleConnTimeout      = 60 * time.Second
	maxIdleConns         = 32
	maxIdleConnsPerHost  = 4
	maxResponseHeader    = 256 << 10
	keepAliveInterval    = 30 * time.Second
	expectContinueWindow = time.Second
)

// Options shape a transport and a client. The zero value dials anything the
// zero Guard allows, trusts the system's certificate authorities and uses the
// proxy of the environment.
type Options struct {
	// CA holds PEM certificates trusted in addition to those of the system.
	CA []byte
	// ClientCert is presented to servers that ask for one. A client that has one
	// follows no redirect to another origin, because a certificate, unlike a
	// header, cannot be taken off a request.
	ClientCert *tls.Certificate
	// Proxy carries all traffic, whatever the environment says.
	Proxy *url.URL
	// DialTimeout bounds resolving and connecting; 10 seconds if zero.
	DialTimeout time.Duration
	// Guard says which addresses may be dialled.
	Guard Guard
	// MaxRedirects is how many redirects a client follows; 5 if zero, none if
	// negative.
	MaxRedirects int
}

// NewTransport returns a transport that dials under the guard of the options.
// Whoever makes one closes its idle connections when done.
func NewTransport(o Options) (*http.Transport, error) {
	tlsConfig, err := o.tlsConfig()
	if err != nil {
		return nil, err
	}
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: keepAliveInterval, Control: o.Guard.control}
	if dialer.Timeout == 0 {
		dialer.Timeout = defaultDialTimeout
	}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		Proxy:                  o.proxy,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    tlsHandshakeTimeout,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxIdleConns,
		MaxIdleConnsPerHost:    maxIdleConnsPerHost,
		IdleConnTimeout:        idleConnTimeout,
		ExpectContinueTimeout:  expectContinueWindow,
		MaxResponseHeaderBytes: maxResponseHeader,
	}, nil
}

// NewClient returns a client on a transport of its own with the redirect rules
// of this package. It has no overall timeout: callers pass a context with a
// deadline.
func NewClient(o Options) (*http.Client, error) {
	transport, err := NewTransport(o)
	if err != nil {
		return nil, err
	}
	return &http.Client{Transport: transport, CheckRedirect: RedirectPolicy(o)}, nil
}

func (o Options) tlsConfig() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(o.CA) > 0 {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(o.CA) {
			return nil, errors.New("reading the certificate authority: no PEM certificate found")
		}
		config.RootCAs = pool
	}
	if o.ClientCert != nil {
		config.Certificates = []tls.Certificate{*o.ClientCert}
	}
	return config, nil
}

// proxy chooses the proxy of a request. Behind a proxy it is the proxy that
// resolves, so an address written into the URL is checked here.
func (o Options) proxy(req *http.Request) (*url.URL, error) {
	chosen := o.Proxy
	if chosen == nil {
		var err error
		if chosen, err = http.ProxyFromEnvironment(req); err != nil || chosen == nil {
			return nil, RedactError(err)
		}
	}
	if addr, err := netip.ParseAddr(req.URL.Hostname()); err == nil {
		if err := o.Guard.Check(addr); err != nil {
			return nil, fmt.Errorf("connecting through the proxy: %w", err)
		}
	}
	return chosen, nil
}
