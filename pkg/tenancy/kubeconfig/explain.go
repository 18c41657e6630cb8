package kubeconfig

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// connectError says in plain words why a server could not be reached, and still
// unwraps to the cause.
type connectError struct {
	text string
	err  error
}

// Error returns the sentence shown to users.
func (e *connectError) Error() string { return e.text }

// Unwrap returns the cause.
func (e *connectError) Unwrap() error { return e.err }

// explain says in plain words what is wrong with the connection. What nobody
// knows better stays as it is, redacted.
func (r *roundTripper) explain(err error) error {
	why, untrusted := explainTLS(err)
	if why == "" {
		return egress.RedactError(err)
	}
	text := fmt.Sprintf("connecting to %s: %s", r.host, why)
	if untrusted && slices.Contains(r.dropped, "insecure-skip-tls-verify") {
		text += "; insecure-skip-tls-verify of the kubeconfig is not honoured, give it certificate-authority-data"
	}
	return &connectError{text: text, err: err}
}

// explainTLS names the cause, and whether not verifying would have hidden it.
func explainTLS(err error) (why string, untrusted bool) {
	var (
		invalid  x509.CertificateInvalidError
		host     x509.HostnameError
		unknown  x509.UnknownAuthorityError
		insecure x509.InsecureAlgorithmError
	)
	switch text := err.Error(); {
	case strings.Contains(text, "crypto/rsa: ") && strings.Contains(text, "-bit keys are insecure"):
		return "its certificate was signed with an RSA key that is too short", true
	case errors.As(err, &invalid):
		return explainInvalid(invalid), true
	case errors.As(err, &host):
		return explainHost(host), true
	case errors.As(err, &unknown):
		return "its certificate is signed by an authority that is not trusted", true
	case errors.As(err, &insecure):
		return "its certificate is signed with an algorithm that is not safe", true
	case strings.Contains(text, "tls: protocol version not supported"),
		strings.Contains(text, "tls: server selected unsupported protocol version"):
		return "it speaks no TLS newer than 1.1, and 1.2 is the oldest that is accepted", false
	case strings.Contains(text, "remote error: tls: bad certificate"),
		strings.Contains(text, "remote error: tls: certificate required"),
		strings.Contains(text, "remote error: tls: unknown certificate"):
		return "it does not accept the client certificate", false
	case errors.Is(err, http.ErrSchemeMismatch), errors.As(err, new(tls.RecordHeaderError)):
		return "it does not speak TLS", false
	}
	return "", false
}

func explainInvalid(err x509.CertificateInvalidError) string {
	switch {
	case err.Reason != x509.Expired || err.Cert == nil:
		return "its certificate is not valid: " + err.Error()
	case strings.Contains(err.Detail, "is before"):
		return "its certificate is not valid before " + err.Cert.NotBefore.UTC().Format(time.RFC3339)
	default:
		return "its certificate expired at " + err.Cert.NotAfter.UTC().Format(time.RFC3339)
	}
}

func explainHost(err x509.HostnameError) string {
	const most = 5
	names := slices.Clone(err.Certificate.DNSNames)
	for _, ip := range err.Certificate.IPAddresses {
		names = append(names, ip.String())
	}
	if len(names) == 0 {
		return fmt.Sprintf("its certificate names no host, and %s was expected", err.Host)
	}
	more := ""
	if len(names) > most {
		more = fmt.Sprintf(" and %d more", len(names)-most)
		names = names[:most]
	}
	return fmt.Sprintf("its certificate is for %s%s and not for %s", strings.Join(names, ", "), more, err.Host)
}
