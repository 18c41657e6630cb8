package component_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster/internal/component"
)

func TestArgs(t *testing.T) {
	const noServiceAccounts = "--disable-admission-plugins=ServiceAccount"
	for name, tc := range map[string]struct {
		component string
		config    component.Config
		has       []string
		hasNot    []string
		why       string
	}{
		"Alone": {
			component.APIServer, component.Config{Port: 7},
			[]string{"--secure-port=7", noServiceAccounts}, []string{"--audit-log-path=" + component.AuditLog},
			"nothing makes ServiceAccounts, so pods must do without",
		},
		"WithControllers": {
			component.APIServer, component.Config{Port: 7, ServiceAccounts: true},
			nil, []string{noServiceAccounts}, "the controller manager makes ServiceAccounts",
		},
		"Audit": {
			component.APIServer, component.Config{Audit: true},
			[]string{"--audit-log-path=" + component.AuditLog, "--audit-policy-file=" + component.AuditPolicy}, nil, "on request",
		},
		"Rights": {
			component.APIServer, component.Config{},
			[]string{"--authorization-mode=RBAC", "--bind-address=127.0.0.1", "--client-ca-file=" + component.ClientCA}, nil,
			"the shipped roles are what the controllers run with, and nobody connects from outside",
		},
		"Etcd": {
			component.Etcd, component.Config{},
			[]string{"--unsafe-no-fsync", "--listen-client-urls=unix://client:1"}, nil, "a socket has no port that others could reach",
		},
		"ControllerManager": {
			component.ControllerManager, component.Config{},
			[]string{"--use-service-account-credentials=true", "--secure-port=0"}, nil, "each controller is its own user in the audit log",
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := component.Args(tc.component, tc.config)
			for _, want := range tc.has {
				if !slices.Contains(args, want) {
					t.Errorf("%s: %s is missing in %v", tc.why, want, args)
				}
			}
			for _, unwanted := range tc.hasNot {
				if slices.Contains(args, unwanted) {
					t.Errorf("%s: %s is in %v", tc.why, unwanted, args)
				}
			}
		})
	}
}

// TestNothingLeavesTheStateDirectory keeps sockets short and clusters apart.
func TestNothingLeavesTheStateDirectory(t *testing.T) {
	for _, name := range []string{
		component.Etcd, component.APIServer, component.ControllerManager, component.Scheduler, component.Kwok,
	} {
		args := component.Args(name, component.Config{Audit: true, ServiceAccounts: true})
		if len(args) == 0 {
			t.Errorf("%s has no arguments", name)
		}
		for _, arg := range args {
			_, value, _ := strings.Cut(arg, "=")
			if strings.HasPrefix(value, "/") || strings.Contains(value, "..") {
				t.Errorf("%s: %s is not below the state directory", name, arg)
			}
		}
	}
}
