package app

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	clocktesting "k8s.io/utils/clock/testing"
)

// server is an API server that answers as a case asks.
func server(t *testing.T, code int) (*rest.Config, *atomic.Int64) {
	t.Helper()
	answer := &atomic.Int64{}
	answer.Store(int64(code))
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/readyz" {
			t.Errorf("asked for %s", r.URL.Path)
		}
		w.WriteHeader(int(answer.Load()))
	}))
	t.Cleanup(s.Close)
	return &rest.Config{Host: s.URL}, answer
}

func TestAwaitServerThatIsThere(t *testing.T) {
	for _, code := range []int{http.StatusOK, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound} {
		cfg, _ := server(t, code)
		clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
		if err := awaitServer(t.Context(), cfg, "0", clk, logr.Discard()); err != nil {
			t.Errorf("a server that answers %d is there: %v", code, err)
		}
	}
}

// TestAwaitServer covers an outage of the API server at the start: who starts in an outage is alive, is not ready, and goes on when the server is back.
func TestAwaitServer(t *testing.T) {
	cfg, answer := server(t, http.StatusServiceUnavailable)
	clk := clocktesting.NewFakeClock(time.Unix(1000, 0))
	probes := freeAddress(t)
	done := make(chan error, 1)
	go func() { done <- awaitServer(t.Context(), cfg, probes, clk, logr.Discard()) }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for probe(t, probes, "/healthz") != http.StatusOK {
		<-tick.C
	}
	if got := probe(t, probes, "/readyz"); got != http.StatusServiceUnavailable {
		t.Errorf("the readiness probe is answered with %d", got)
	}
	for !clk.HasWaiters() {
		<-tick.C
	}
	clk.Step(askServerEvery)
	select {
	case err := <-done:
		t.Fatalf("it went on without the server: %v", err)
	case <-tick.C:
	}
	answer.Store(http.StatusOK)
	for {
		clk.Step(askServerEvery)
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			if got := probe(t, probes, "/healthz"); got != 0 {
				t.Errorf("the address of the probes is still taken, and answers %d", got)
			}
			return
		case <-tick.C:
		}
	}
}

func TestAwaitServerUntilTheEnd(t *testing.T) {
	cfg := &rest.Config{Host: "http://" + freeAddress(t)}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := awaitServer(ctx, cfg, "0", clocktesting.NewFakeClock(time.Unix(1000, 0)), logr.Discard()); err != nil {
		t.Errorf("ending on request is no failure: %v", err)
	}
}

// probe returns the status of an answer, 0 without one.
func probe(t *testing.T, address, path string) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0
	}
	defer func() { _ = response.Body.Close() }()
	return response.StatusCode
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	return listener.Addr().String()
}
