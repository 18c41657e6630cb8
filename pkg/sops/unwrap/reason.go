package unwrap

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"syscall"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"golang.org/x/oauth2"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// Reason is an error whose text is known to be harmless.
type Reason string

// Error returns the text.
func (r Reason) Error() string { return string(r) }

// statusError is an answer of a service spoken to without a library.
type statusError struct {
	status int
	code   string
}

// Error returns status and code.
func (e *statusError) Error() string { return answered(e.status, e.code) }

// explain says in harmless words why a key did not give the data key. The text of
// an error that is not known here is dropped.
func explain(err error) error {
	var own Reason
	var denied *egress.DeniedError
	switch {
	case errors.As(err, &own):
		return own
	case errors.Is(err, errSlow):
		return Reason("the service did not answer in time")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return Reason("the build was given up before the service answered")
	case errors.As(err, &denied):
		return Reason("the service cannot be reached: " + denied.Error())
	}
	if status, code, ok := answer(err); ok {
		return Reason(answered(status, code))
	}
	if text := unreachable(err); text != "" {
		return Reason("the service cannot be reached: " + text)
	}
	return Reason("the request could not be made")
}

// passing reports whether it may help to ask again.
func passing(err error) bool {
	var denied *egress.DeniedError
	if errors.Is(err, errSlow) || errors.As(err, &denied) {
		return false
	}
	if status, code, ok := answer(err); ok {
		return status == http.StatusTooManyRequests || status >= http.StatusInternalServerError || slices.Contains(busy, code)
	}
	return errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
}

// busy are the codes with which AWS says 400 and means 429.
var busy = []string{"ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"}

// answer finds the status and the error code that a service sent.
func answer(err error) (status int, code string, ok bool) {
	var own *statusError
	var aws *smithyhttp.ResponseError
	var api smithy.APIError
	var azure *azcore.ResponseError
	var entra *azidentity.AuthenticationFailedError
	var google *oauth2.RetrieveError
	switch {
	case errors.As(err, &own):
		return own.status, own.code, true
	case errors.As(err, &aws) && aws.HTTPStatusCode() > 0:
		if errors.As(err, &api) {
			code = api.ErrorCode()
		}
		return aws.HTTPStatusCode(), code, true
	case errors.As(err, &azure):
		return azure.StatusCode, azure.ErrorCode, true
	case errors.As(err, &entra) && entra.RawResponse != nil:
		return entra.RawResponse.StatusCode, "", true
	case errors.As(err, &google) && google.Response != nil:
		return google.Response.StatusCode, google.ErrorCode, true
	}
	return 0, "", false
}

var errorCode = regexp.MustCompile(`^[A-Za-z][A-Za-z_.]{1,63}$`)

// answered keeps of an answer what cannot hold a value: the status, and a code if
// it looks like one.
func answered(status int, code string) string {
	text := fmt.Sprintf("the service answers %d %s", status, http.StatusText(status))
	if errorCode.MatchString(code) {
		text += " (" + code + ")"
	}
	return text
}

// unreachable says why a connection failed.
func unreachable(err error) string {
	var dns *net.DNSError
	var unknown x509.UnknownAuthorityError
	var host x509.HostnameError
	var invalid x509.CertificateInvalidError
	var verify *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns):
		return "its name does not resolve"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "it refuses connections"
	case errors.As(err, &unknown), errors.As(err, &host), errors.As(err, &invalid), errors.As(err, &verify):
		return "its certificate is not trusted"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "it closed the connection"
	}
	var op net.Error
	if errors.As(err, &op) {
		return "the connection failed"
	}
	return ""
}

// Clip shortens a name that a document gave, and drops what would break a line.
func Clip(text string) string {
	const most = 160
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, ""))
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

func redactURL(text string) string {
	if text == "" {
		return ""
	}
	return strings.TrimRight(egress.Redact(text), "/")
}
