package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/client-go/rest"
	"k8s.io/utils/clock"
)

const (
	// askServerEvery is how often the API server is asked whether it is there.
	askServerEvery = time.Second
	// answerWithin is how long it may take to answer.
	answerWithin = 5 * time.Second
)

// awaitServer waits until the API server answers or the context ends. A controller that starts before
// it, or during an outage, would otherwise end and be started again with growing
// pauses, and come back long after the server did. Meanwhile the process is alive
// and not ready, which its probes tell.
func awaitServer(ctx context.Context, cfg *rest.Config, probes string, clk clock.WithTicker, log logr.Logger) error {
	client, err := rest.HTTPClientFor(cfg)
	if err != nil {
		return fmt.Errorf("making a client for the API server: %w", err)
	}
	base, _, err := rest.DefaultServerUrlFor(cfg)
	if err != nil {
		return fmt.Errorf("finding the API server: %w", err)
	}
	absent := answers(ctx, client, base.JoinPath("readyz").String())
	if absent == nil {
		return nil
	}
	log.Info("waiting for the API server", "server", base.Host, "reason", absent.Error())
	closeProbes, err := serveProbes(ctx, probes)
	if err != nil {
		return err
	}
	defer closeProbes()
	ticker := clk.NewTicker(askServerEvery)
	defer ticker.Stop()
	for absent != nil {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
			absent = answers(ctx, client, base.JoinPath("readyz").String())
		}
	}
	log.Info("the API server answers", "server", base.Host)
	return nil
}

// answers asks a server whether it is ready. One that refuses to tell is there.
func answers(ctx context.Context, client *http.Client, address string) error {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode >= http.StatusInternalServerError || response.StatusCode == http.StatusTooManyRequests {
		return errors.New("it answers " + response.Status)
	}
	return nil
}

// serveProbes answers probes in place of the manager, which does so once it runs.
func serveProbes(ctx context.Context, address string) (stop func(), err error) {
	if address == "" || address == "0" {
		return func() {}, nil
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for probes: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "the API server does not answer", http.StatusServiceUnavailable)
	})
	server := &http.Server{Handler: mux, ReadHeaderTimeout: answerWithin}
	go func() { _ = server.Serve(listener) }()
	return func() { _ = server.Close() }, nil
}
