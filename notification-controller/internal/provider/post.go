package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
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

// Poster posts JSON to the address of a Provider.
type Poster struct {
	Settings *Settings
	Client   *http.Client
	Clock    clock.PassiveClock
}

// Post sends a body and returns the beginning of the answer. Any status of 200 to
// 299 is a success. Errors hold nothing of the answer but its status.
func (p *Poster) Post(ctx context.Context, id string, body []byte, header http.Header) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, p.Settings.Timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, p.Settings.Address, bytes.NewReader(body))
	if err != nil {
		return nil, Final(p.Settings.Clean(fmt.Errorf("making the request: %w", err)))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", userAgent)
	req.Header.Set(HeaderID, id)
	for name, values := range header {
		req.Header[http.CanonicalHeaderKey(name)] = values
	}
	res, err := p.Client.Do(req)
	if err != nil {
		return nil, p.failed(ctx, err)
	}
	defer func() { _ = res.Body.Close() }()
	if err := p.judge(res); err != nil {
		return nil, err
	}
	// The message was taken; an answer that breaks off must not send it again.
	answer, _ := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return answer, nil
}

func (p *Poster) failed(ctx context.Context, err error) error {
	host := ""
	if u := p.Settings.address(); u != nil {
		host = u.Host
	}
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("posting to %s: no answer within %s", host, p.Settings.Timeout)
	}
	return p.Settings.Clean(fmt.Errorf("posting to %s: %w", host, err))
}

// judge tells success from failure, and failure that may pass from other.
func (p *Poster) judge(res *http.Response) error {
	if res.StatusCode >= 200 && res.StatusCode < 300 {
		return nil
	}
	host := ""
	if u := p.Settings.address(); u != nil {
		host = u.Host
	}
	status := fmt.Sprintf("%d %s", res.StatusCode, http.StatusText(res.StatusCode))
	e := &Error{Err: fmt.Errorf("posting to %s: the service answered %s", host, status)}
	switch {
	case res.StatusCode == http.StatusTooManyRequests, res.StatusCode >= 500, res.StatusCode == http.StatusRequestTimeout:
		e.After = retryAfter(res.Header.Get("Retry-After"), p.Clock.Now())
	default:
		e.Final = true
	}
	return e
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
