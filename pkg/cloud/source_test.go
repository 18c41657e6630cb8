package cloud

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/fluxcd/pkg/auth"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// issuer issues tokens that count up, each good for an hour.
type issuer struct {
	clock   *clocktesting.FakePassiveClock
	mu      sync.Mutex
	asked   int
	fresh   int
	err     error
	host    string
	expires time.Duration
	block   chan struct{}
	begun   chan struct{}
}

func (i *issuer) fetch(_ context.Context, fresh bool) (*auth.RESTConfig, error) {
	i.mu.Lock()
	i.asked++
	if fresh {
		i.fresh++
	}
	n, block := i.asked, i.block
	conf := &auth.RESTConfig{
		Host: i.host, BearerToken: fmt.Sprintf("token-%d", n), ExpiresAt: i.clock.Now().Add(i.expires), CAData: []byte("ca"),
	}
	err := i.err
	i.mu.Unlock()
	if block != nil {
		i.begun <- struct{}{}
		<-block
	}
	return conf, err
}

func newIssuer() (*issuer, *source) {
	i := &issuer{clock: clocktesting.NewFakePassiveClock(time.Now()), host: "https://api.example.com", expires: time.Hour}
	return i, newSource(i.clock, time.Hour, kubeconfig.Options{}, i.fetch)
}

func expect(t *testing.T, s *source, refused, want string) {
	t.Helper()
	if got, err := s.Token(t.Context(), refused); err != nil || got != want {
		t.Errorf("token %q, %v, want %q", got, err, want)
	}
}

// TestRenewal says that a token is renewed after four fifths of its lifetime, that
// the old one is used while a renewal fails, and that an expired one is an error.
func TestRenewal(t *testing.T) {
	i, s := newIssuer()
	start := i.clock.Now()
	at := func(d time.Duration) { i.clock.SetTime(start.Add(d)) }
	expect(t, s, "", "token-1")
	at(47 * time.Minute)
	expect(t, s, "", "token-1")
	at(48 * time.Minute)
	expect(t, s, "", "token-2")
	i.err = errors.New("the provider is down")
	at(48*time.Minute + 48*time.Minute)
	expect(t, s, "", "token-2")
	expect(t, s, "", "token-2")
	if i.asked != 3 {
		t.Errorf("the provider was asked %d times, want a pause after a failure", i.asked)
	}
	at(48*time.Minute + 49*time.Minute)
	expect(t, s, "", "token-2")
	at(48*time.Minute + time.Hour)
	if _, err := s.Token(t.Context(), ""); !errors.Is(err, i.err) {
		t.Errorf("an expired token is not used, got %v", err)
	}
	i.err = nil
	expect(t, s, "", "token-6") // The attempts that failed count.
	if i.fresh != 0 {
		t.Errorf("%d tokens past the cache, want none", i.fresh)
	}
}

func TestMaximalAge(t *testing.T) {
	i, s := newIssuer()
	s.most = 10 * time.Minute
	expect(t, s, "", "token-1")
	i.clock.SetTime(i.clock.Now().Add(10 * time.Minute))
	expect(t, s, "", "token-2")
}

// TestRefusedToken shows that a token the server refuses is replaced once, for
// everybody who was refused.
func TestRefusedToken(t *testing.T) {
	i, s := newIssuer()
	expect(t, s, "", "token-1")
	expect(t, s, "token-1", "token-2")
	expect(t, s, "token-1", "token-2")
	expect(t, s, "token-2", "token-2")
	if i.asked != 2 || i.fresh != 1 {
		t.Errorf("asked %d times, %d past the cache, want 2 and 1", i.asked, i.fresh)
	}
	i.clock.SetTime(i.clock.Now().Add(refusalPause))
	expect(t, s, "token-2", "token-3")
}

func TestExpiredWhenIssued(t *testing.T) {
	i, s := newIssuer()
	i.expires = -time.Second
	if _, err := s.Token(t.Context(), ""); !errors.Is(err, errExpired) {
		t.Errorf("got %v", err)
	}
}

// TestMoved shows that a token for another server is not sent to the first one.
func TestMoved(t *testing.T) {
	i, s := newIssuer()
	expect(t, s, "", "token-1")
	if !s.current() {
		t.Error("it did not move yet")
	}
	i.host = "https://other.example.com"
	i.clock.SetTime(i.clock.Now().Add(50 * time.Minute))
	if token, err := s.Token(t.Context(), ""); err == nil || s.current() {
		t.Errorf("got %q, current: %t", token, s.current())
	}
}

// TestOneRenews shows that requests neither pile up behind a slow provider nor
// ask it all at once.
func TestOneRenews(t *testing.T) {
	i, s := newIssuer()
	expect(t, s, "", "token-1")
	i.block, i.begun = make(chan struct{}), make(chan struct{}, 1)
	i.clock.SetTime(i.clock.Now().Add(50 * time.Minute))
	var all sync.WaitGroup
	all.Go(func() { expect(t, s, "", "token-2") })
	select {
	case <-i.begun:
	case <-time.After(10 * time.Second):
		t.Fatal("nobody renews")
	}
	expect(t, s, "", "token-1") // It is good for ten more minutes.
	i.clock.SetTime(i.clock.Now().Add(20 * time.Minute))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Token(gone, ""); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting for the provider after the caller has gone: %v", err)
	}
	close(i.block)
	all.Wait()
	if i.asked != 2 {
		t.Errorf("asked %d times, want 2", i.asked)
	}
}
