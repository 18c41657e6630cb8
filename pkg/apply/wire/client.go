package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utilnet "k8s.io/apimachinery/pkg/util/net"
	"k8s.io/apimachinery/pkg/util/wait"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/apply/inflight"
)

const (
	// Attempts bounds how often a request is made that the server could not answer,
	// or that somebody else's write came before.
	Attempts = 4
	// FirstDelay is the pause before the second attempt.
	FirstDelay = 200 * time.Millisecond
	// LastDelay is the longest pause between attempts, but for a server that asks for
	// a longer one.
	LastDelay = 5 * time.Second
	// Patience is how long a request is made again that the server refuses because
	// it has too many.
	Patience = time.Minute
	// spread is the part of a pause that chance may add to it.
	spread = 0.5
)

// Options are what a Client needs.
type Options struct {
	// Config reaches the cluster under the identity that requests are made with.
	Config *rest.Config
	// HTTP is used instead of a client made from Config, so that connections are
	// shared; it may be nil.
	HTTP *http.Client
	// Mapper finds the resource of a kind.
	Mapper meta.RESTMapper
	// Limiter bounds the requests in flight.
	Limiter *inflight.Limiter
	// Clock is the time.
	Clock clock.WithTicker
	// FieldManager is the name that writes are made under.
	FieldManager string
}

// Client makes requests. It is safe for concurrent use.
type Client struct {
	opts  Options
	rest  rest.Interface
	watch dynamic.Interface
}

// New returns a client. All options but HTTP are needed.
func New(opts Options) (*Client, error) {
	config := rest.CopyConfig(opts.Config)
	config.AcceptContentTypes, config.ContentType = "application/json", "application/json"
	config.GroupVersion = &schema.GroupVersion{}
	config.APIPath = "/"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	if opts.HTTP == nil {
		made, err := rest.HTTPClientFor(config)
		if err != nil {
			return nil, err
		}
		opts.HTTP = made
	}
	client, err := rest.RESTClientForConfigAndClient(config, opts.HTTP)
	if err != nil {
		return nil, err
	}
	watcher, err := dynamic.NewForConfigAndClient(opts.Config, opts.HTTP) //nolint:forbidigo // the identity is in Options.Config
	if err != nil {
		return nil, err
	}
	return &Client{opts: opts, rest: client, watch: watcher}, nil
}

// do makes a request within the limit, and makes it again a bounded number of
// times when the server could not answer. It returns how many attempts it took: the
// answer to all but the last may have been lost after the deed was done.
func (c *Client) do(ctx context.Context, build func() *rest.Request) (body []byte, tried int, err error) {
	again := retry{began: c.opts.Clock.Now(), delay: FirstDelay}
	for tried = 1; ; tried++ {
		slot, err := c.opts.Limiter.Begin(ctx)
		if err != nil {
			return nil, tried, err
		}
		// The client library would repeat requests while it holds the slot.
		result := build().MaxRetries(0).Do(ctx)
		if body, err = result.Raw(); err != nil {
			err = result.Error() // which reads the status that the server answered with
		}
		slot.End(err)
		if err == nil || ctx.Err() != nil || !Transient(err) {
			return body, tried, err
		}
		pause, ok := again.after(err, c.opts.Clock.Now())
		if !ok {
			return body, tried, err
		}
		if err := c.Sleep(ctx, pause); err != nil {
			return nil, tried, err
		}
	}
}

// retry counts the attempts of one request.
type retry struct {
	began    time.Time
	delay    time.Duration
	failures int
}

// after returns the pause before another attempt; ok is false if there were enough.
// A server that asks to come back later lives, and so is no failure: with many
// objects in a stage, of which all have to be validated before one is applied,
// giving up early would mean never to get through. What was refused together does
// not come back together.
func (r *retry) after(err error, now time.Time) (pause time.Duration, ok bool) {
	if apierrors.IsTooManyRequests(err) {
		ok = now.Sub(r.began) < Patience
	} else {
		r.failures++
		ok = r.failures < Attempts
	}
	pause = r.delay
	if seconds, given := apierrors.SuggestsClientDelay(err); given {
		pause = max(pause, time.Duration(seconds)*time.Second)
	}
	r.delay = min(2*r.delay, LastDelay)
	return wait.Jitter(pause, spread), ok
}

// Sleep waits by the injected clock.
func (c *Client) Sleep(ctx context.Context, d time.Duration) error {
	timer := c.opts.Clock.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C():
		return nil
	}
}

// Transient reports a failure after which the same request is worth another
// attempt at once.
func Transient(err error) bool {
	if err == nil {
		return false
	}
	if apierrors.IsTooManyRequests(err) || apierrors.IsServerTimeout(err) || apierrors.IsTimeout(err) ||
		apierrors.IsServiceUnavailable(err) {
		return true
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) {
		code := status.Status().Code
		return code == http.StatusBadGateway || code == http.StatusGatewayTimeout
	}
	return utilnet.IsProbableEOF(err) || utilnet.IsConnectionReset(err) || utilnet.IsConnectionRefused(err) ||
		utilnet.IsHTTP2ConnectionLost(err) || utilnet.IsTimeout(err) || hungUp(err)
}

// hungUp reports that the other side ended the connection, or the stream within
// it, before it had answered.
func hungUp(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || strings.Contains(err.Error(), "stream error: stream ID")
}
