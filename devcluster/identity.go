package devcluster

import (
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/kubeconfig"
	"github.com/capstan-gitops/capstan/devcluster/internal/pki"
)

// ClientCert is a certificate that the API server takes for a user, all parts PEM. CA is what to trust the server by.
type ClientCert struct {
	Cert []byte
	Key  []byte
	CA   []byte
}

// ClientCert issues a certificate for a user with groups. A process that carries the user and the groups of a
// ServiceAccount has the rights of that ServiceAccount.
func (c *Cluster) ClientCert(user string, groups []string) (ClientCert, error) {
	pair, err := c.secrets.client.Client(user, groups, time.Now())
	if err != nil {
		return ClientCert{}, err
	}
	return ClientCert{Cert: pair.Cert, Key: pair.Key, CA: c.CA()}, nil
}

// KubeconfigFor returns a client configuration for a user with groups.
func (c *Cluster) KubeconfigFor(user string, groups []string) ([]byte, error) {
	return c.secrets.kubeconfig(c.RESTURL(), user, groups)
}

// ServiceAccountIdentity returns the user and the groups that a token of the ServiceAccount would carry.
func ServiceAccountIdentity(namespace, name string) (user string, groups []string) {
	return "system:serviceaccount:" + namespace + ":" + name,
		[]string{"system:serviceaccounts", "system:serviceaccounts:" + namespace}
}

// kubeconfig issues a certificate and wraps it.
func (s *secrets) kubeconfig(url, user string, groups []string) ([]byte, error) {
	pair, err := s.client.Client(user, groups, time.Now())
	if err != nil {
		return nil, err
	}
	return s.kubeconfigOf(url, user, pair)
}

func (s *secrets) kubeconfigOf(url, user string, pair pki.Pair) ([]byte, error) {
	return kubeconfig.Marshal(kubeconfig.Config{
		Server: url,
		CA:     s.server.Pair().Cert,
		User:   user,
		Cert:   pair.Cert,
		Key:    pair.Key,
	})
}
