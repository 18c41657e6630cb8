package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

const (
	service   = "git-upload-pack"
	infoRefs  = "/info/refs"
	userAgent = "git/capstan"
)

// statusError is an answer other than 200.
type statusError struct {
	code   int
	answer string
}

// Error says what the server answered.
func (e *statusError) Error() string {
	text := fmt.Sprintf("the server answered %d %s", e.code, http.StatusText(e.code))
	if e.answer != "" {
		text += fmt.Sprintf(" (%s)", e.answer)
	}
	return text
}

// getRefs asks for the advertisement of references. It follows redirects and
// makes the place they lead to the base of what comes after.
func (s *session) getRefs(ctx context.Context) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.base+infoRefs+"?service="+service, http.NoBody)
	if err != nil {
		return nil, err
	}
	res, err := s.do(s.client, req, "application/x-"+service+"-advertisement")
	if err != nil {
		return nil, err
	}
	end := *res.Request.URL
	end.RawQuery, end.User = "", nil
	base, ok := strings.CutSuffix(end.String(), infoRefs)
	if !ok {
		return nil, errors.Join(errors.New("the server redirects to something that is not a repository"), res.Body.Close())
	}
	s.base = base
	return limitBody(res.Body, maxAdvertisedBytes, "the list of references"), nil
}

// postUploadPack sends a request for a pack. Nothing redirects it: a server
// that moved says so when asked for its references.
func (s *session) postUploadPack(ctx context.Context, body []byte, limit int64) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.base+"/"+service, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/x-"+service+"-request")
	client := *s.client
	client.CheckRedirect = egress.RedirectPolicy(egress.Options{MaxRedirects: -1})
	res, err := s.do(&client, req, "application/x-"+service+"-result") //nolint:bodyclose // closed by whoever reads the pack
	if err != nil {
		return nil, err
	}
	return limitBody(res.Body, limit, "the pack"), nil
}

// do sends a request with the credential and insists on a Git answer.
func (s *session) do(client *http.Client, req *http.Request, contentType string) (*http.Response, error) {
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set("Accept", contentType)
	s.creds.Authorize(req)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != http.StatusOK {
		answer, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody))
		_ = res.Body.Close()
		return nil, &statusError{code: res.StatusCode, answer: s.presentable(res.Header.Get("Content-Type"), string(answer))}
	}
	if got, _, _ := strings.Cut(res.Header.Get("Content-Type"), ";"); got != contentType {
		_ = res.Body.Close()
		return nil, fmt.Errorf("the server answered with %q, so there is no Git server that speaks the smart protocol at this URL", presentable(got))
	}
	return res, nil
}

// presentable is what the server said in one short line, without the
// credential it may have quoted. A web page is not shown.
func (s *session) presentable(contentType, text string) string {
	if strings.HasPrefix(contentType, "text/html") {
		return ""
	}
	return presentable(egress.RedactText(s.creds.Scrub(text)))
}

func presentable(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if runes := []rune(text); len(runes) > maxShownAnswer {
		text = string(runes[:maxShownAnswer]) + "…"
	}
	return text
}

// limitedBody fails, instead of ending, when more is sent than allowed.
type limitedBody struct {
	body  io.ReadCloser
	left  int64
	limit int64
	what  string
}

func limitBody(body io.ReadCloser, limit int64, what string) io.ReadCloser {
	return &limitedBody{body: body, left: limit + 1, limit: limit, what: what}
}

// Read reads up to the limit.
func (b *limitedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, fmt.Errorf("%s is larger than the limit of %d bytes", b.what, b.limit)
	}
	n, err := b.body.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

// Close closes the body.
func (b *limitedBody) Close() error { return b.body.Close() }
