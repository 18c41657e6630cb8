// Package pki makes the certificates and keys of a development cluster. Every cluster has its own authorities.
package pki

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"time"
)

const (
	// validity is the life of every certificate: longer than anybody keeps a development cluster.
	validity = 5 * 365 * 24 * time.Hour
	// backdating allows for clocks that are set back while a cluster runs.
	backdating = time.Hour
	serialBits = 127
)

// Pair is a certificate and its private key, both PEM.
type Pair struct {
	Cert []byte
	Key  []byte
}

// CA is a certificate authority.
type CA struct {
	pair Pair
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// NewCA makes an authority that is valid from now on.
func NewCA(name string, now time.Time) (*CA, error) {
	template := newTemplate(pkix.Name{CommonName: name}, now)
	template.IsCA, template.BasicConstraintsValid, template.MaxPathLenZero = true, true, true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	pair, err := issue(template, nil)
	if err != nil {
		return nil, fmt.Errorf("making authority %s: %w", name, err)
	}
	return LoadCA(pair)
}

// LoadCA reads an authority that was stored.
func LoadCA(pair Pair) (*CA, error) {
	certBlock, _ := pem.Decode(pair.Cert)
	keyBlock, _ := pem.Decode(pair.Key)
	if certBlock == nil || keyBlock == nil {
		return nil, errors.New("loading authority: not PEM")
	}
	cert, err := x509.ParseCertificate(certBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("loading authority: %w", err)
	}
	if !cert.IsCA {
		return nil, errors.New("loading authority: the certificate is not an authority's")
	}
	key, err := x509.ParseECPrivateKey(keyBlock.Bytes)
	if err != nil {
		return nil, fmt.Errorf("loading authority: %w", err)
	}
	if !key.PublicKey.Equal(cert.PublicKey) {
		return nil, errors.New("loading authority: the key belongs to another certificate")
	}
	return &CA{pair: pair, cert: cert, key: key}, nil
}

// Pair returns the authority's own certificate and key.
func (ca *CA) Pair() Pair { return ca.pair }

// Server issues a serving certificate for the given addresses and names.
func (ca *CA) Server(name string, ips []net.IP, names []string, now time.Time) (Pair, error) {
	template := newTemplate(pkix.Name{CommonName: name}, now)
	template.IPAddresses, template.DNSNames = ips, names
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	pair, err := issue(template, ca)
	if err != nil {
		return Pair{}, fmt.Errorf("issuing the serving certificate of %s: %w", name, err)
	}
	return pair, nil
}

// Client issues a certificate that the API server takes for the given user with the given groups.
func (ca *CA) Client(user string, groups []string, now time.Time) (Pair, error) {
	if user == "" {
		return Pair{}, errors.New("issuing a client certificate: the user has no name")
	}
	template := newTemplate(pkix.Name{CommonName: user, Organization: groups}, now)
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
	pair, err := issue(template, ca)
	if err != nil {
		return Pair{}, fmt.Errorf("issuing the client certificate of %s: %w", user, err)
	}
	return pair, nil
}

// NewSigningKey makes the key pair that signs ServiceAccount tokens; Cert holds the public key.
func NewSigningKey() (Pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, fmt.Errorf("making the token signing key: %w", err)
	}
	private, err := encodeKey(key)
	if err != nil {
		return Pair{}, fmt.Errorf("making the token signing key: %w", err)
	}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return Pair{}, fmt.Errorf("making the token signing key: %w", err)
	}
	return Pair{Cert: encode("PUBLIC KEY", public), Key: private}, nil
}

func newTemplate(subject pkix.Name, now time.Time) *x509.Certificate {
	return &x509.Certificate{
		Subject:   subject,
		NotBefore: now.Add(-backdating),
		NotAfter:  now.Add(validity),
		KeyUsage:  x509.KeyUsageDigitalSignature,
	}
}

// issue signs the template with the authority, or with its own key if there is none.
func issue(template *x509.Certificate, ca *CA) (Pair, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), serialBits))
	if err != nil {
		return Pair{}, err
	}
	template.SerialNumber = serial
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return Pair{}, err
	}
	parent, signer := template, key
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return Pair{}, err
	}
	keyPEM, err := encodeKey(key)
	if err != nil {
		return Pair{}, err
	}
	return Pair{Cert: encode("CERTIFICATE", der), Key: keyPEM}, nil
}

func encodeKey(key *ecdsa.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return nil, err
	}
	return encode("EC PRIVATE KEY", der), nil
}

func encode(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}
