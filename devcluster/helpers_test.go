package devcluster_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/devcluster"
)

const (
	patience = 60 * time.Second
	interval = 20 * time.Millisecond
)

// start starts a cluster that is stopped with the test.
func start(t *testing.T, options devcluster.Options) *devcluster.Cluster {
	t.Helper()
	cluster, err := devcluster.Start(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cluster.Stop(); err != nil {
			t.Error(err)
		}
	})
	return cluster
}

// eventually asks until the answer is yes.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for !condition() {
		select {
		case <-ctx.Done():
			t.Fatalf("not within %s: %s", patience, what)
		case <-ticker.C:
		}
	}
}

// alive reports whether a process runs; one that has ended and was not collected does not.
func alive(t *testing.T, pid int) bool {
	t.Helper()
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	if err != nil {
		return !strings.Contains(err.Error(), "no such process")
	}
	_, state, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(state, "Z") && !strings.HasPrefix(state, "X")
}

// caller speaks plain HTTPS as one user: no client library hides what the server says.
type caller struct {
	t    *testing.T
	url  string
	http *http.Client
}

func as(t *testing.T, cluster *devcluster.Cluster, user string, groups ...string) caller {
	t.Helper()
	identity, err := cluster.ClientCert(user, groups)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := tls.X509KeyPair(identity.Cert, identity.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(identity.CA)
	transport := &http.Transport{TLSClientConfig: &tls.Config{Certificates: []tls.Certificate{cert}, RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	return caller{t: t, url: cluster.RESTURL(), http: &http.Client{Transport: transport}}
}

func admin(t *testing.T, cluster *devcluster.Cluster) caller {
	t.Helper()
	return as(t, cluster, "tester", "system:masters")
}

type object = map[string]any

// call returns the status and the decoded answer.
func (c caller) call(method, path string, body object) (int, object) {
	c.t.Helper()
	encoded, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, bytes.NewReader(encoded))
	if err != nil {
		c.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	var answer object
	if err := json.Unmarshal(content, &answer); err != nil {
		c.t.Fatalf("%s %s answered %d: %s", method, path, response.StatusCode, content)
	}
	return response.StatusCode, answer
}

// get returns an object, or nil if there is none.
func (c caller) get(path string) object {
	c.t.Helper()
	code, answer := c.call(http.MethodGet, path, nil)
	if code == http.StatusNotFound {
		return nil
	}
	if code != http.StatusOK {
		c.t.Fatalf("getting %s answered %d: %v", path, code, answer)
	}
	return answer
}

func (c caller) create(path string, body object) object {
	c.t.Helper()
	code, answer := c.call(http.MethodPost, path, body)
	if code != http.StatusCreated {
		c.t.Fatalf("creating in %s answered %d: %v", path, code, answer)
	}
	return answer
}

// at walks into an answer by keys and indexes; what is missing on the way is nil.
func at(value any, path ...any) any {
	for _, step := range path {
		switch key := step.(type) {
		case string:
			fields, _ := value.(object)
			value = fields[key]
		case int:
			items, _ := value.([]any)
			if key >= len(items) {
				return nil
			}
			value = items[key]
		}
	}
	return value
}

func items(list object) []any {
	all, _ := list["items"].([]any)
	return all
}
