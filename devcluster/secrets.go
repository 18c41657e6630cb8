package devcluster

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/component"
	"github.com/capstan-gitops/capstan/devcluster/internal/pki"
)

const (
	// adminUser is who the cluster's own kubeconfig is for; the group may do everything before any role exists.
	adminUser   = "devcluster-admin"
	adminGroup  = "system:masters"
	privateFile = 0o600
)

// secrets are the authorities of a cluster.
type secrets struct {
	server *pki.CA // signs the API server's certificate
	client *pki.CA // signs the users' certificates
}

// openSecrets makes the keys of a new cluster, or reads those of one that was kept: its stored tokens stay valid.
func openSecrets(dir string) (*secrets, error) {
	if err := os.MkdirAll(filepath.Join(dir, filepath.Dir(component.ServerCA)), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder for keys: %w", err)
	}
	s, err := loadSecrets(dir)
	if err == nil || !errors.Is(err, os.ErrNotExist) {
		return s, err
	}
	return newSecrets(dir, time.Now())
}

// loadSecrets returns an error that is os.ErrNotExist if there are none.
func loadSecrets(dir string) (*secrets, error) {
	server, err := loadCA(dir, component.ServerCA, component.ServerCAKey)
	if err != nil {
		return nil, err
	}
	client, err := loadCA(dir, component.ClientCA, component.ClientCAKey)
	if err != nil {
		return nil, err
	}
	return &secrets{server: server, client: client}, nil
}

func loadCA(dir, cert, key string) (*pki.CA, error) {
	var pair pki.Pair
	var err error
	if pair.Cert, err = os.ReadFile(filepath.Join(dir, cert)); err != nil {
		return nil, fmt.Errorf("reading an authority: %w", err)
	}
	if pair.Key, err = os.ReadFile(filepath.Join(dir, key)); err != nil {
		return nil, fmt.Errorf("reading an authority: %w", err)
	}
	return pki.LoadCA(pair)
}

func newSecrets(dir string, now time.Time) (*secrets, error) {
	server, err := pki.NewCA("devcluster-server", now)
	if err != nil {
		return nil, err
	}
	client, err := pki.NewCA("devcluster-client", now)
	if err != nil {
		return nil, err
	}
	serving, err := server.Server(component.APIServer,
		[]net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback, net.ParseIP(component.FirstServiceIP)},
		[]string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"},
		now)
	if err != nil {
		return nil, err
	}
	token, err := pki.NewSigningKey()
	if err != nil {
		return nil, err
	}
	// The authorities come last: a start that is cut short leaves none, and the next one begins anew.
	err = writeAll(dir, []file{
		{component.ServerCert, serving.Cert}, {component.ServerKey, serving.Key},
		{component.TokenPublicKey, token.Cert}, {component.TokenKey, token.Key},
		{component.ServerCAKey, server.Pair().Key}, {component.ServerCA, server.Pair().Cert},
		{component.ClientCAKey, client.Pair().Key}, {component.ClientCA, client.Pair().Cert},
	})
	if err != nil {
		return nil, err
	}
	return &secrets{server: server, client: client}, nil
}

type file struct {
	name    string
	content []byte
}

func writeAll(dir string, files []file) error {
	for _, f := range files {
		if err := os.WriteFile(filepath.Join(dir, f.name), f.content, privateFile); err != nil {
			return fmt.Errorf("writing the state: %w", err)
		}
	}
	return nil
}
