package egress

import (
	"errors"
	"net/url"
	"regexp"
	"strings"
)

const redacted = "redacted"

// embeddedURL finds URLs inside the text of errors that other code made.
var embeddedURL = regexp.MustCompile(`[a-zA-Z][a-zA-Z0-9+.-]*://[^\s"'<>\\` + "`" + `]+`)

// Redact returns the URL without user information, query values and fragment,
// fit to be shown. Names of query parameters stay. Text that does not parse as
// a URL is cut to its scheme and host.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return cutURL(raw)
	}
	u.User = nil
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = redactQuery(u.RawQuery)
	if u.Opaque != "" {
		// In "user:secret@host:path" everything after the scheme is opaque.
		return u.Scheme + ":" + redacted
	}
	return u.String()
}

// redactQuery keeps the names of a query. A piece without "=" may be a token
// itself and is not kept.
func redactQuery(query string) string {
	if query == "" {
		return ""
	}
	pieces := strings.Split(query, "&")
	for i, piece := range pieces {
		if name, _, ok := strings.Cut(piece, "="); ok {
			pieces[i] = name + "=" + redacted
		} else {
			pieces[i] = redacted
		}
	}
	return strings.Join(pieces, "&")
}

// cutURL keeps what is certainly harmless of a URL that does not parse.
func cutURL(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || strings.ContainsAny(scheme, "@/ \t\r\n") {
		return redacted
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		rest = rest[i+1:]
	}
	rest, _, _ = strings.Cut(rest, "\n")
	return scheme + "://" + rest + "/" + redacted
}

// RedactText redacts every URL inside a text.
func RedactText(text string) string {
	return embeddedURL.ReplaceAllStringFunc(text, func(match string) string {
		trimmed := strings.TrimRight(match, ".,:;)")
		return Redact(trimmed) + match[len(trimmed):]
	})
}

// redactedError shows clean text and still unwraps to its cause, so that
// callers can branch on what happened.
type redactedError struct {
	text string
	err  error
}

// Error returns the text without secrets.
func (e *redactedError) Error() string { return e.text }

// Unwrap returns the cause. Its own text may hold what was redacted: it is for
// errors.Is and errors.As, not for printing.
func (e *redactedError) Unwrap() error { return e.err }

// RedactError returns an error whose text shows no user information and no
// query value of any URL. A nil error stays nil.
func RedactError(err error) error {
	if err == nil {
		return nil
	}
	var done *redactedError
	if errors.As(err, &done) && done.text == err.Error() {
		return err
	}
	text := err.Error()
	var uerr *url.Error
	if errors.As(err, &uerr) {
		// The URL of a url.Error may not parse, so it is replaced as a whole
		// before the text is searched for others.
		text = strings.ReplaceAll(text, uerr.URL, Redact(uerr.URL))
	}
	return &redactedError{text: RedactText(text), err: err}
}
