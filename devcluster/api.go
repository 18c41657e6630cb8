package devcluster

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxAnswer bounds what is read of an answer; those asked for here are far smaller.
const maxAnswer = 4 << 20

// requestTimeout bounds one request: a server that is just starting may accept a connection and not answer.
const requestTimeout = 5 * time.Second

// apiClient makes the few requests that starting a cluster takes; a client library would bring a hundred packages.
type apiClient struct {
	url  string
	http *http.Client
}

func newAPIClient(url string, identity ClientCert) (*apiClient, error) {
	cert, err := tls.X509KeyPair(identity.Cert, identity.Key)
	if err != nil {
		return nil, fmt.Errorf("loading the client certificate: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(identity.CA) {
		return nil, errors.New("loading the server's authority: not PEM")
	}
	return &apiClient{url: url, http: &http.Client{
		Timeout: requestTimeout,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			Certificates: []tls.Certificate{cert},
			RootCAs:      roots,
			MinVersion:   tls.VersionTLS12,
		}},
	}}, nil
}

func (a *apiClient) close() { a.http.CloseIdleConnections() }

// do sends a request; a body is sent as JSON, and the answer is decoded into out if that is not nil.
func (a *apiClient) do(ctx context.Context, method, path string, body, out any) (int, error) {
	var content io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return 0, fmt.Errorf("encoding the request: %w", err)
		}
		content = bytes.NewReader(encoded)
	}
	request, err := http.NewRequestWithContext(ctx, method, a.url+path, content)
	if err != nil {
		return 0, fmt.Errorf("making the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := a.http.Do(request)
	if err != nil {
		return 0, fmt.Errorf("asking the API server: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return 0, fmt.Errorf("reading the API server's answer: %w", err)
	}
	if out == nil || response.StatusCode >= http.StatusBadRequest {
		return response.StatusCode, nil
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return 0, fmt.Errorf("decoding the API server's answer to %s %s: %w", method, path, err)
	}
	return response.StatusCode, nil
}
