package kubeconfig

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// maxDrain is how much of a refusal is read so that its connection can be used
// again.
const maxDrain = 64 << 10

// TokenSource knows the token to show to a server.
type TokenSource interface {
	// Token returns a token that is good now. Refused is empty, or a token that
	// the server has just refused; the source then gets another one, or returns
	// the same where it knows of no better.
	Token(ctx context.Context, refused string) (string, error)
}

// settings is what every request to a target has in common.
type settings struct {
	origin  string
	host    string
	timeout time.Duration
	tokens  TokenSource
	dropped []string
}

func (s settings) wrap(next http.RoundTripper) http.RoundTripper {
	return &roundTripper{settings: s, next: next}
}

// roundTripper sends requests to one origin, in time and with a good token.
type roundTripper struct {
	settings
	next http.RoundTripper
}

// WrappedRoundTripper lets helpers of client-go find the transport below.
func (r *roundTripper) WrappedRoundTripper() http.RoundTripper { return r.next }

// RoundTrip implements http.RoundTripper.
func (r *roundTripper) RoundTrip(req *http.Request) (*http.Response, error) {
	if egress.Origin(req.URL) != r.origin {
		closeBody(req)
		return nil, fmt.Errorf("connecting to %s: it leads to another server, where its credential does not belong", r.host)
	}
	if r.tokens == nil {
		return r.send(req)
	}
	token, err := r.tokens.Token(req.Context(), "")
	if err != nil {
		closeBody(req)
		return nil, err
	}
	resp, err := r.send(authorized(req, token))
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	return r.again(req, resp, token)
}

// again repeats a request whose token was refused, if there is a better one. The
// caller never learns of a token that was revoked before its time.
func (r *roundTripper) again(req *http.Request, refusal *http.Response, refused string) (*http.Response, error) {
	if req.Body != nil && req.Body != http.NoBody && req.GetBody == nil {
		return refusal, nil
	}
	token, err := r.tokens.Token(req.Context(), refused)
	if err != nil || token == refused {
		return refusal, nil //nolint:nilerr // What the server said is the answer.
	}
	repeated := authorized(req, token)
	if req.GetBody != nil {
		if repeated.Body, err = req.GetBody(); err != nil {
			return refusal, nil //nolint:nilerr // What the server said is the answer.
		}
	}
	_, _ = io.CopyN(io.Discard, refusal.Body, maxDrain)
	_ = refusal.Body.Close()
	return r.send(repeated)
}

func authorized(req *http.Request, token string) *http.Request {
	req = req.Clone(req.Context())
	req.Header.Set("Authorization", "Bearer "+token)
	return req
}

// closeBody keeps the promise that a RoundTripper closes the body.
func closeBody(req *http.Request) {
	if req.Body != nil {
		_ = req.Body.Close()
	}
}

// send bounds the request: to the end of its body, or, for one that watches, to
// its beginning.
func (r *roundTripper) send(req *http.Request) (*http.Response, error) {
	late := fmt.Errorf("connecting to %s: no answer within %s: %w", r.host, r.timeout, context.DeadlineExceeded)
	ctx, cancel := context.WithCancelCause(req.Context())
	bound, free := context.WithTimeout(ctx, r.timeout)
	stop := context.AfterFunc(bound, func() {
		if errors.Is(bound.Err(), context.DeadlineExceeded) {
			cancel(late)
		}
	})
	done := func() {
		stop()
		free()
	}
	resp, err := r.next.RoundTrip(req.WithContext(ctx))
	if err != nil {
		done()
		if cause := context.Cause(ctx); errors.Is(cause, late) {
			err = late
		} else {
			err = r.explain(err)
		}
		cancel(nil)
		return nil, err
	}
	if resp.StatusCode == http.StatusSwitchingProtocols {
		done() // The connection is the caller's now, and ends with the request's context.
		return resp, nil
	}
	if watches(req) {
		done()
	}
	resp.Body = &body{ReadCloser: resp.Body, ctx: ctx, late: late, close: func() {
		done()
		cancel(nil)
	}}
	return resp, nil
}

func watches(req *http.Request) bool {
	watch := req.URL.Query().Get("watch")
	return watch == "true" || watch == "1"
}

// body ends the bound of a request when it was read.
type body struct {
	io.ReadCloser
	ctx   context.Context //nolint:containedctx // It lives as long as the body it bounds.
	late  error
	close func()
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) && errors.Is(context.Cause(b.ctx), b.late) {
		err = b.late
	}
	return n, err
}

// Close implements io.Closer.
func (b *body) Close() error {
	err := b.ReadCloser.Close()
	b.close()
	return err
}
