package component

import (
	"fmt"

	"sigs.k8s.io/yaml"
)

type auditPolicy struct {
	APIVersion string      `json:"apiVersion"`
	Kind       string      `json:"kind"`
	OmitStages []string    `json:"omitStages"`
	Rules      []auditRule `json:"rules"`
}

type auditRule struct {
	Level string `json:"level"`
}

// AuditPolicyFile returns a policy that logs who asked for what, for every request, once it has been answered.
func AuditPolicyFile() ([]byte, error) {
	content, err := yaml.Marshal(auditPolicy{
		APIVersion: "audit.k8s.io/v1",
		Kind:       "Policy",
		OmitStages: []string{"RequestReceived"},
		Rules:      []auditRule{{Level: "Metadata"}},
	})
	if err != nil {
		return nil, fmt.Errorf("writing the audit policy: %w", err)
	}
	return content, nil
}

// User is whom a process acts as.
type User struct {
	Name   string
	Groups []string
}

// Users returns the identity of each process that is a client of the API server.
func Users() map[string]User {
	return map[string]User{
		ControllerManager: {Name: "system:kube-controller-manager"},
		Scheduler:         {Name: "system:kube-scheduler"},
		// kwok stands for the kubelets of all nodes and may write whatever its stages say.
		Kwok: {Name: "kwok", Groups: []string{"system:masters"}},
	}
}
