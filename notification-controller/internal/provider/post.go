package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"k8s.io/utils/clock"
)

const (
	// maxAnswer is how much of an answer is read.
	maxAnswer = 64 << 10
	userAgent = "notification-controller"
	// HeaderID carries the ID of a message, equal for every attempt to send it.
	HeaderID = "Idempotency-Key"
)

// Poster posts JSON, for services that are reached that way.
type Poster struct {
	// Client returns the HTTP client of a Provider; its errors are final.
	Client func(s *Settings) (*http.Client, error)
	Clock  clock.PassiveClock
}

// Request is one POST of JSON.
type Request struct {
	URL string
	// ID is that of the message.
	ID     string
	Body   []byte
	Header http.Header
}

// Post sends a request and returns the beginning of the answer. Any status of 200
// to 299 is a success. Errors hold nothing of the answer but its status.
func (p *Poster) Post(ctx context.Context, s *Settings, r Request) ([]byte, error) {
	client, err := p.Client(s)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.URL, bytes.NewReader(r.Body))
	if err != nil {
		return nil, Final(fmt.Errorf("making the request: %w", err))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set(HeaderID, r.ID)
	for name, values := range r.Header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	res, err := client.Do(req)
	if err != nil {
		return nil, failed(ctx, s, req.URL, err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := p.judge(req.URL, res); err != nil {
		return nil, err
	}
	// The message was taken; an answer that breaks off must not send it again.
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer, nil
}

func failed(ctx context.Context, s *Settings, to *url.URL, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("posting to %s: no answer within %s", to.Host, s.Timeout)
	}
	return fmt.Errorf("posting to %s: %w", to.Host, err)
}

// judge separates success from failure, and failure that may pass from failure
// that does not.
func (p *Poster) judge(to *url.URL, res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	status := fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	err := fmt.Errorf("posting to %s: the service answered %s", to.Host, status)
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500, res.StatusCode == http.StatusRequestTimeout:
		return RetryAfter(err, retryAfter(res.Header.Get("Retry-After"), p.Clock.Now()))
	default:
		return Final(err)
	}
}

// retryAfter reads the header of that name: seconds or a date.
func retryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}
