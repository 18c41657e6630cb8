package pki_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/pki"
)

func newCA(t *testing.T) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA("test", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func leaf(t *testing.T, pair pki.Pair) *x509.Certificate {
	t.Helper()
	if _, err := tls.X509KeyPair(pair.Cert, pair.Key); err != nil {
		t.Fatalf("certificate and key do not match: %v", err)
	}
	block, _ := pem.Decode(pair.Cert)
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func verify(ca *pki.CA, cert *x509.Certificate, options x509.VerifyOptions) error {
	options.Roots = x509.NewCertPool()
	options.Roots.AppendCertsFromPEM(ca.Pair().Cert)
	_, err := cert.Verify(options)
	return err
}

func TestClientCarriesUserAndGroups(t *testing.T) {
	ca := newCA(t)
	groups := []string{"system:serviceaccounts", "system:serviceaccounts:apps"}
	pair, err := ca.Client("system:serviceaccount:apps:sync", groups, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	cert := leaf(t, pair)
	if cert.Subject.CommonName != "system:serviceaccount:apps:sync" {
		t.Errorf("user: %s", cert.Subject.CommonName)
	}
	got := slices.Sorted(slices.Values(cert.Subject.Organization))
	if !slices.Equal(got, groups) {
		t.Errorf("groups: %v", got)
	}
	client := x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}
	if err := verify(ca, cert, client); err != nil {
		t.Errorf("its own authority refuses it: %v", err)
	}
	if err := verify(newCA(t), cert, client); err == nil {
		t.Error("another authority accepts it")
	}
	if err := verify(ca, cert, x509.VerifyOptions{}); err == nil {
		t.Error("a client's certificate can serve")
	}
}

func TestServerNamesItsAddresses(t *testing.T) {
	ca := newCA(t)
	pair, err := ca.Server("api", []net.IP{net.IPv4(127, 0, 0, 1)}, []string{"localhost"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		host string
		want bool
		why  string
	}{
		"Address": {"127.0.0.1", true, "clients connect to loopback"},
		"Name":    {"localhost", true, "people type this"},
		"Other":   {"example.com", false, "a certificate is for the names it has"},
	} {
		t.Run(name, func(t *testing.T) {
			err := verify(ca, leaf(t, pair), x509.VerifyOptions{DNSName: tc.host})
			if (err == nil) != tc.want {
				t.Errorf("%s: %s: %v", tc.why, tc.host, err)
			}
		})
	}
}

func TestStoredAuthorityIsTheSame(t *testing.T) {
	ca := newCA(t)
	again, err := pki.LoadCA(ca.Pair())
	if err != nil {
		t.Fatal(err)
	}
	pair, err := again.Client("user", nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if err := verify(ca, leaf(t, pair), x509.VerifyOptions{KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}}); err != nil {
		t.Error(err)
	}
	if _, err := pki.LoadCA(pki.Pair{Cert: ca.Pair().Cert, Key: newCA(t).Pair().Key}); err == nil {
		t.Error("an authority with a foreign key was loaded")
	}
	if _, err := pki.LoadCA(pki.Pair{Cert: []byte("x"), Key: []byte("y")}); err == nil {
		t.Error("garbage was loaded")
	}
}

func TestClientNeedsAName(t *testing.T) {
	if _, err := newCA(t).Client("", []string{"system:masters"}, time.Now()); err == nil {
		t.Error("a certificate without a user was issued")
	}
}
