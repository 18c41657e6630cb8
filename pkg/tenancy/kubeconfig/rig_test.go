package kubeconfig_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/pkg/tenancy/kubeconfig"
)

// authority signs certificates of servers.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
	// leaf is set for an authority whose key signs no more.
	leaf *tls.Certificate
}

func newKey(t *testing.T) crypto.Signer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func newAuthority(t *testing.T, key crypto.Signer) authority {
	t.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test authority"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return authority{cert: cert, key: key}
}

func (a authority) pem() []byte { return pemOf("CERTIFICATE", a.cert.Raw) }

func pemOf(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// sign makes a certificate for loopback, as changed.
func (a authority) sign(t *testing.T, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	if a.leaf != nil {
		return *a.leaf
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, DNSNames: []string{"localhost"},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if change != nil {
		change(template)
	}
	key := newKey(t)
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// serve starts a server with the certificate.
func serve(t *testing.T, config *tls.Config, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(handler)
	server.TLS = config
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.EnableHTTP2 = config.MaxVersion == 0
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

// config builds a kubeconfig with one context of each.
func config(change func(*api.Config, *api.Cluster, *api.AuthInfo)) *api.Config {
	cluster := &api.Cluster{Server: "https://api.example.com:6443"}
	user := &api.AuthInfo{Token: "canary-token"}
	c := &api.Config{
		Clusters: map[string]*api.Cluster{"prod": cluster}, AuthInfos: map[string]*api.AuthInfo{"ci": user},
		Contexts:       map[string]*api.Context{"main": {Cluster: "prod", AuthInfo: "ci"}},
		CurrentContext: "main",
	}
	if change != nil {
		change(c, cluster, user)
	}
	return c
}

func text(t *testing.T, c *api.Config) []byte {
	t.Helper()
	content, err := clientcmd.Write(*c)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func parse(t *testing.T, c *api.Config, o kubeconfig.Options) *kubeconfig.Endpoint {
	t.Helper()
	target, err := kubeconfig.Parse(text(t, c), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(target.Close)
	return target
}

// reach is the target of a server with the CA.
func reach(t *testing.T, server string, ca []byte, o kubeconfig.Options) *kubeconfig.Endpoint {
	t.Helper()
	return parse(t, config(func(_ *api.Config, c *api.Cluster, _ *api.AuthInfo) {
		c.Server, c.CertificateAuthorityData = server, ca
	}), o)
}

// get asks the target for a path and returns what it answers.
func get(t *testing.T, target *kubeconfig.Endpoint, path string) (string, error) {
	t.Helper()
	client, err := rest.HTTPClientFor(target.Config())
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target.Config().Host+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	content, err := io.ReadAll(resp.Body)
	return string(content), err
}
