// Package kubeconfig writes client configuration files for one cluster and one user.
package kubeconfig

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

// Config is everything a client needs to reach the cluster as one user.
type Config struct {
	Server string
	CA     []byte
	User   string
	Cert   []byte
	Key    []byte
}

// name is what cluster and context are called.
const name = "devcluster"

type file struct {
	APIVersion     string    `json:"apiVersion"`
	Kind           string    `json:"kind"`
	CurrentContext string    `json:"current-context"`
	Clusters       []cluster `json:"clusters"`
	Contexts       []context `json:"contexts"`
	Users          []user    `json:"users"`
}

type cluster struct {
	Name    string `json:"name"`
	Cluster struct {
		Server string `json:"server"`
		CA     []byte `json:"certificate-authority-data"`
	} `json:"cluster"`
}

type context struct {
	Name    string `json:"name"`
	Context struct {
		Cluster string `json:"cluster"`
		User    string `json:"user"`
	} `json:"context"`
}

type user struct {
	Name string `json:"name"`
	User struct {
		Cert []byte `json:"client-certificate-data"`
		Key  []byte `json:"client-key-data"`
	} `json:"user"`
}

// Marshal returns the file's content.
func Marshal(c Config) ([]byte, error) {
	clusterEntry := cluster{Name: name}
	clusterEntry.Cluster.Server, clusterEntry.Cluster.CA = c.Server, c.CA
	contextEntry := context{Name: name}
	contextEntry.Context.Cluster, contextEntry.Context.User = name, c.User
	userEntry := user{Name: c.User}
	userEntry.User.Cert, userEntry.User.Key = c.Cert, c.Key

	content, err := yaml.Marshal(file{
		APIVersion:     "v1",
		Kind:           "Config",
		CurrentContext: name,
		Clusters:       []cluster{clusterEntry},
		Contexts:       []context{contextEntry},
		Users:          []user{userEntry},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the kubeconfig of %s: %w", c.User, err)
	}
	return content, nil
}
