package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/fluxcd/pkg/auth"
	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

const (
	// renewPause is how long a good token is used on after its renewal failed.
	renewPause = 30 * time.Second
	// refusalPause is how long after a token was replaced because the server
	// refused it no further one is asked for: the cause is another then.
	refusalPause = 10 * time.Second
)

// errExpired says that a token was of no use when it came.
var errExpired = errors.New("the token had expired when it was issued; compare the clocks")

// fetcher gets the access to a cluster; fresh means not from a cache.
type fetcher func(ctx context.Context, fresh bool) (*auth.RESTConfig, error)

// source holds the token of one target. Requests share it: one renews, and the
// others go on with the old token as long as it is good.
type source struct {
	clock   clock.PassiveClock
	most    time.Duration
	options kubeconfig.Options
	fetch   fetcher

	// turn is held by whoever renews.
	turn chan struct{}

	mu       sync.Mutex
	token    string
	renewAt  time.Time
	expires  time.Time
	replaced time.Time
	moved    bool
	host     string
	ca       []byte
}

func newSource(clock clock.PassiveClock, most time.Duration, o kubeconfig.Options, fetch fetcher) *source {
	return &source{clock: clock, most: most, options: o, fetch: fetch, turn: make(chan struct{}, 1)}
}

// Token implements kubeconfig.TokenSource.
func (s *source) Token(ctx context.Context, refused string) (string, error) {
	if token, ok := s.known(refused); ok {
		return token, nil
	}
	select {
	case s.turn <- struct{}{}:
	default:
		if token, ok := s.usable(refused); ok {
			return token, nil
		}
		select {
		case s.turn <- struct{}{}:
		case <-ctx.Done():
			return "", context.Cause(ctx)
		}
	}
	defer func() { <-s.turn }()
	if token, ok := s.known(refused); ok { // Somebody else has renewed it.
		return token, nil
	}
	err := s.renew(ctx, refused != "")
	if err == nil {
		token, _ := s.usable("")
		return token, nil
	}
	if token, ok := s.postpone(refused); ok {
		return token, nil
	}
	return "", err
}

// known returns the token if nothing has to be done about it.
func (s *source) known(refused string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	switch {
	case s.token == "" || !now.Before(s.expires):
		return "", false
	case refused == "":
		return s.token, now.Before(s.renewAt)
	case refused != s.token:
		return s.token, true
	default:
		return s.token, now.Before(s.replaced.Add(refusalPause))
	}
}

// usable returns the token if it is good, though it may be time to renew it.
func (s *source) usable(refused string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.token, s.token != "" && s.token != refused && s.clock.Now().Before(s.expires)
}

// postpone keeps a good token in use after a failure, and lets some time pass
// until the next attempt.
func (s *source) postpone(refused string) (string, bool) {
	token, ok := s.usable(refused)
	if !ok {
		return "", false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.renewAt = s.clock.Now().Add(renewPause)
	return token, !s.moved
}

// renew gets a token, and with the first one the address of the cluster.
func (s *source) renew(ctx context.Context, fresh bool) error {
	if fresh {
		s.mu.Lock()
		s.replaced = s.clock.Now() // Also when it fails: the cause does not pass that quickly.
		s.mu.Unlock()
	}
	conf, err := s.fetch(ctx, fresh)
	if err != nil {
		return err
	}
	server, err := kubeconfig.ParseAddress(conf.Host, s.options)
	if err != nil {
		return fault.Retry(meta.ReasonReconciliationFailed, fmt.Errorf("reading the address of the cluster: %w", err))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.clock.Now()
	life := conf.ExpiresAt.Sub(now)
	if life <= 0 || conf.BearerToken == "" {
		return fault.Retry(meta.ReasonReconciliationFailed, errExpired)
	}
	if s.host == "" {
		s.host, s.ca = server.String(), conf.CAData
	}
	if s.host != server.String() || !bytes.Equal(s.ca, conf.CAData) {
		s.moved = true
		return fault.Retry(meta.ReasonReconciliationFailed,
			fmt.Errorf("connecting to %s: the cluster has another address or certificate authority now; the next attempt uses it", s.host))
	}
	s.token, s.expires = conf.BearerToken, conf.ExpiresAt
	s.renewAt = now.Add(min(life*8/10, s.most))
	return nil
}

// current reports whether the cluster is where it was at first.
func (s *source) current() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return !s.moved
}
