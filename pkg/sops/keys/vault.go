package keys

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// VaultInstances are the Vault and OpenBao servers that may be shown the token of a
// ServiceAccount. The zero value allows none.
type VaultInstances struct {
	byAddress map[string]VaultInstance
}

// VaultInstance is one server of the list.
type VaultInstance struct {
	// Address is where it is, as VaultAddress writes it.
	Address string
	// Audience of the tokens is the address as the list has it.
	Audience string
	// LoginPath is where a token is exchanged, below /v1/.
	LoginPath string
}

// ReadVaultInstances reads the key config.yaml of the ConfigMap that
// --sops-vault-configmap names.
func ReadVaultInstances(text string) (VaultInstances, error) {
	var in struct {
		Instances []struct {
			Address   string `json:"address"`
			LoginPath string `json:"loginPath"`
		} `json:"instances"`
	}
	if yaml.UnmarshalStrict([]byte(text), &in) != nil {
		return VaultInstances{}, invalid(errors.New("it is not a list of instances with address and loginPath"))
	}
	out := VaultInstances{byAddress: map[string]VaultInstance{}}
	for i, entry := range in.Instances {
		address, err := VaultAddress(entry.Address)
		if err != nil {
			return VaultInstances{}, invalid(fmt.Errorf("instance %d: %w", i+1, err))
		}
		login := strings.Trim(entry.LoginPath, "/")
		if !VaultPath(login) {
			return VaultInstances{}, invalid(fmt.Errorf("instance %d: loginPath is not a path such as auth/kubernetes/login", i+1))
		}
		if _, twice := out.byAddress[address]; twice {
			return VaultInstances{}, invalid(fmt.Errorf("instance %d: its address is listed twice", i+1))
		}
		out.byAddress[address] = VaultInstance{Address: address, Audience: entry.Address, LoginPath: login}
	}
	return out, nil
}

func invalid(err error) error {
	return fault.Retry(meta.ReasonBuildFailed, fmt.Errorf("reading the list of Vault instances: %w", err),
		fault.Hint("correct config.yaml of the ConfigMap that --sops-vault-configmap names"))
}

// Find returns the instance at an address as VaultAddress writes it.
func (v VaultInstances) Find(address string) (VaultInstance, bool) {
	instance, ok := v.byAddress[address]
	return instance, ok
}

// VaultAddress returns an address in the form that is compared: scheme, host and
// port in lower case, a path if there is one, and no slash at the end.
func VaultAddress(address string) (string, error) {
	u, err := url.Parse(address)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Hostname() == "" {
		return "", errors.New("the address is not an http or https URL")
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("the address %s has more than scheme, host, port and path", egress.Redact(address))
	}
	clean := strings.TrimRight(u.Path, "/")
	if clean != "" && !VaultPath(strings.TrimPrefix(clean, "/")) {
		return "", errors.New("the path of the address is not clean")
	}
	return u.Scheme + "://" + strings.ToLower(u.Host) + clean, nil
}

// VaultPath reports whether p is a relative path that stays below where it is put.
func VaultPath(p string) bool {
	return p != "" && path.Clean("/"+p) == "/"+p && !strings.ContainsFunc(p, func(r rune) bool {
		return r <= ' ' || r > '~' || strings.ContainsRune(`?#%\`, r)
	})
}
