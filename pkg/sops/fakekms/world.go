package fakekms

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/utils/clock"

	"github.com/capstan-gitops/capstan/pkg/egress"
)

// World is a set of servers by host name.
type World struct {
	proxy  *httptest.Server
	secure *httptest.Server
	ca     *x509.Certificate
	key    *ecdsa.PrivateKey
	conns  chan net.Conn

	mu       sync.Mutex
	hosts    map[string]http.Handler
	answers  map[string][]int
	hanging  map[string]chan struct{}
	down     map[string]bool
	requests []string
}

// Start starts a world that ends with the test.
func Start(t testing.TB) *World {
	t.Helper()
	w := &World{
		conns: make(chan net.Conn), hosts: map[string]http.Handler{}, answers: map[string][]int{},
		hanging: map[string]chan struct{}{}, down: map[string]bool{},
	}
	w.certify(t)
	w.secure = httptest.NewUnstartedServer(http.HandlerFunc(w.serve))
	w.secure.TLS = &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: w.certificate}
	_ = w.secure.Listener.Close()
	w.secure.Listener = tunnels{w.conns, make(chan struct{}), &sync.Once{}}
	w.secure.StartTLS()
	w.proxy = httptest.NewServer(http.HandlerFunc(w.connect))
	t.Cleanup(func() {
		w.secure.CloseClientConnections()
		w.proxy.CloseClientConnections()
		w.secure.Close()
		w.proxy.Close()
	})
	return w
}

// Egress returns the options with which a client lives in this world.
func (w *World) Egress() egress.Options {
	proxy, err := url.Parse(w.proxy.URL)
	if err != nil {
		panic(err)
	}
	return egress.Options{Proxy: proxy, CA: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.ca.Raw})}
}

// Handle puts a server at a host name.
func (w *World) Handle(host string, h http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[host] = h
}

// Answer makes a host answer the next requests with the given statuses.
func (w *World) Answer(host string, statuses ...int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[host] = append(w.answers[host], statuses...)
}

// Hang makes a host answer nothing any more. A value is received from the channel
// for each request that waits.
func (w *World) Hang(host string) <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	asked := make(chan struct{}, 16)
	w.hanging[host] = asked
	return asked
}

// Down makes a host refuse connections.
func (w *World) Down(host string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down[host] = true
}

// Requests returns what was asked so far: method, host and path.
func (w *World) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.requests)
}

// Count is how many requests a host got.
func (w *World) Count(host string) int {
	count := 0
	for _, r := range w.Requests() {
		if strings.HasPrefix(strings.SplitN(r, " ", 2)[1], host+"/") {
			count++
		}
	}
	return count
}

func (w *World) serve(res http.ResponseWriter, req *http.Request) {
	host := req.Host
	w.mu.Lock()
	w.requests = append(w.requests, req.Method+" "+host+req.URL.Path)
	handler, asked, status := w.hosts[host], w.hanging[host], 0
	if queue := w.answers[host]; len(queue) > 0 {
		status, w.answers[host] = queue[0], queue[1:]
	}
	w.mu.Unlock()
	switch {
	case asked != nil:
		// Only a request that was read to its end notices that the client left.
		_, _ = io.Copy(io.Discard, req.Body)
		asked <- struct{}{}
		<-req.Context().Done()
	case status != 0:
		// What a proxy in between might say, and nobody should repeat.
		reply(res, status, map[string]string{"message": "busy, you sent " + req.Header.Get("Authorization")})
	case handler == nil:
		reply(res, http.StatusNotFound, nil)
	default:
		handler.ServeHTTP(res, req)
	}
}

// connect is the proxy: it hands the connection to the servers instead of dialling.
func (w *World) connect(res http.ResponseWriter, req *http.Request) {
	host, _, err := net.SplitHostPort(req.Host)
	w.mu.Lock()
	refuse := w.down[host] || w.down[req.Host] || (w.hosts[host] == nil && w.hosts[req.Host] == nil)
	w.mu.Unlock()
	if req.Method != http.MethodConnect || err != nil {
		http.Error(res, "only tunnels", http.StatusMethodNotAllowed)
		return
	}
	hijacker, ok := res.(http.Hijacker)
	if !ok {
		http.Error(res, "no tunnel", http.StatusInternalServerError)
		return
	}
	conn, buffered, err := hijacker.Hijack()
	if err != nil {
		return
	}
	if refuse || buffered.Reader.Buffered() > 0 {
		_ = conn.Close()
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection established\r\n\r\n")); err != nil {
		_ = conn.Close()
		return
	}
	w.conns <- conn
}

// tunnels is a listener whose connections come from the proxy.
type tunnels struct {
	conns chan net.Conn
	done  chan struct{}
	once  *sync.Once
}

// Accept returns the next tunnel.
func (l tunnels) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l tunnels) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr is of no use.
func (tunnels) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (w *World) certify(t testing.TB) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	now := clock.RealClock{}.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "world"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	if w.ca, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	w.key = key
}

func (w *World) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), DNSNames: []string{hello.ServerName},
		NotBefore: w.ca.NotBefore, NotAfter: w.ca.NotAfter, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, w.ca, &w.key.PublicKey, w.key)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: w.key}, err
}

func reply(res http.ResponseWriter, status int, body any) {
	res.Header().Set("Content-Type", "application/json")
	res.WriteHeader(status)
	_ = json.NewEncoder(res).Encode(body)
}
