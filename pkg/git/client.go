package git

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/credentials"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Options shape a Client.
type Options struct {
	// Egress is how connections are dialled. The certificates of a remote's
	// credentials are added to it.
	Egress egress.Options
	// TempDir holds packs too large for memory; the system's if empty. Files in
	// it have no name, so that none is left behind however the process ends.
	TempDir string
	// MemoryBytes is how large a pack may be and still stay in memory; 8 MiB if
	// zero.
	MemoryBytes int64
	// Around wraps the transport of every connection; nil leaves it as it is.
	Around func(http.RoundTripper) http.RoundTripper
}

// Remote is a repository and what its server is shown.
type Remote struct {
	// URL of the repository, http or https.
	URL string
	// Credentials are sent to the origin they are bound to and nowhere else.
	Credentials credentials.Git
	// Proxy carries the traffic to this repository; the client's if nil.
	Proxy *url.URL
}

// Client resolves references and fetches commits. It is safe for concurrent
// use.
type Client struct {
	options Options
	shared  *http.Client
}

// NewClient returns a client.
func NewClient(o Options) (*Client, error) {
	if o.MemoryBytes == 0 {
		o.MemoryBytes = 8 << 20
	}
	c := &Client{options: o}
	var err error
	if c.shared, err = c.newHTTP(o.Egress); err != nil {
		return nil, fmt.Errorf("making the Git client: %w", err)
	}
	return c, nil
}

func (c *Client) newHTTP(o egress.Options) (*http.Client, error) {
	made, err := egress.NewClient(o)
	if err == nil && c.options.Around != nil {
		made.Transport = c.options.Around(made.Transport)
	}
	return made, err
}

// CloseIdleConnections lets go of connections that nobody uses.
func (c *Client) CloseIdleConnections() { c.shared.CloseIdleConnections() }

// session is one conversation with the server of a remote.
type session struct {
	client *http.Client
	creds  credentials.Git
	shown  string
	base   string
	close  func()
}

// open checks the URL and prepares a conversation. Remotes without a
// certificate or proxy of their own share their connections.
func (c *Client) open(remote Remote) (*session, error) {
	u, err := ParseURL(remote.URL)
	if err != nil {
		return nil, err
	}
	u.User = nil
	base := strings.TrimSuffix(u.String(), "/")
	s := &session{client: c.shared, creds: remote.Credentials, shown: base, base: base, close: func() {}}
	if len(s.creds.CA()) == 0 && s.creds.ClientCert() == nil && remote.Proxy == nil {
		return s, nil
	}
	o := c.options.Egress
	if ca := s.creds.CA(); len(ca) > 0 {
		o.CA = append(append([]byte{}, o.CA...), ca...)
	}
	if cert := s.creds.ClientCert(); cert != nil {
		if egress.Origin(u) != s.creds.Origin() {
			return nil, fault.Stalled(meta.ReasonAuthenticationFailed,
				fmt.Errorf("connecting to %s: the client certificate belongs to another origin", base))
		}
		o.ClientCert = cert
	}
	if remote.Proxy != nil {
		o.Proxy = remote.Proxy
	}
	if s.client, err = c.newHTTP(o); err != nil {
		return nil, fault.Retry(meta.ReasonAuthenticationFailed, fmt.Errorf("connecting to %s: %w", base, err))
	}
	s.close = s.client.CloseIdleConnections
	return s, nil
}

// failed makes the fault of something that went wrong while doing what. It
// keeps a fault that is one already.
func (s *session) failed(what string, err error) error {
	var done *fault.Error
	if err == nil || errors.As(err, &done) {
		return err
	}
	doing := what + " " + s.shown
	var refused *statusError
	if errors.As(err, &refused) {
		return s.refused(doing, refused)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("%s: %w", doing, context.DeadlineExceeded),
			fault.Hint("the server did not finish in time; spec.timeout allows more"))
	}
	var unknown *tls.CertificateVerificationError
	if errors.As(err, &unknown) {
		return fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("%s: %w", doing, egress.RedactError(err)),
			fault.Hint("add the certificate authority of the server as ca.crt to the Secret"))
	}
	return fault.Retry(meta.ReasonGitOperationFailed, fmt.Errorf("%s: %w", doing, s.clean(err)))
}

// clean removes URLs' secrets and the credential's own values from an error
// that may quote the other side.
func (s *session) clean(err error) error {
	redacted := egress.RedactError(err)
	if text := s.creds.Scrub(redacted.Error()); text != redacted.Error() {
		return &scrubbedError{text: text, err: redacted}
	}
	return redacted
}

// scrubbedError shows a text instead of that of its cause.
type scrubbedError struct {
	text string
	err  error
}

// Error returns the text without the values of the credential.
func (e *scrubbedError) Error() string { return e.text }

// Unwrap returns the cause, whose text is not for showing.
func (e *scrubbedError) Unwrap() error { return e.err }

func (s *session) refused(doing string, e *statusError) error {
	err := fmt.Errorf("%s: %w", doing, e)
	switch e.code {
	case http.StatusUnauthorized, http.StatusForbidden:
		hint := "check the credentials in the Secret that spec.secretRef names"
		if s.creds.Anonymous() {
			hint = "the server wants credentials; name a Secret with them in spec.secretRef"
		}
		return fault.Retry(meta.ReasonAuthenticationFailed, err, fault.Hint("%s", hint))
	case http.StatusNotFound:
		return fault.Retry(meta.ReasonGitOperationFailed, err,
			fault.Hint("check spec.url; a private repository may answer like this to the wrong credentials"))
	}
	return fault.Retry(meta.ReasonGitOperationFailed, err)
}
