package fleet

import (
	"context"
	"fmt"

	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/table"
)

// API paths of the collections that are watched.
const (
	unitsPath       = "/apis/kustomize.toolkit.fluxcd.io/v1/kustomizations"
	sourcesPath     = "/apis/source.toolkit.fluxcd.io/v1/gitrepositories"
	configMapsPath  = "/api/v1/configmaps"
	servicesPath    = "/api/v1/services"
	accountsPath    = "/api/v1/serviceaccounts"
	deploymentsPath = "/apis/apps/v1/deployments"
)

// Condition is the part of a condition that is read.
type Condition struct {
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

// State is a Kustomization or a source.
type State struct {
	Metadata table.Meta `json:"metadata"`
	Status   struct {
		ObservedGeneration     int64       `json:"observedGeneration"`
		LastAppliedRevision    string      `json:"lastAppliedRevision"`
		LastAttemptedRevision  string      `json:"lastAttemptedRevision"`
		LastHandledReconcileAt string      `json:"lastHandledReconcileAt"`
		Conditions             []Condition `json:"conditions"`
		Artifact               struct {
			Revision string `json:"revision"`
		} `json:"artifact"`
	} `json:"status"`
}

// GetMeta implements table.Row.
func (s State) GetMeta() table.Meta { return s.Metadata }

// Condition returns a condition, or an empty one.
func (s State) Condition(kind string) Condition {
	for _, c := range s.Status.Conditions {
		if c.Type == kind {
			return c
		}
	}
	return Condition{}
}

// Ready reports whether the newest generation is ready.
func (s State) Ready() bool {
	return s.Status.ObservedGeneration == s.Metadata.Generation && s.Condition("Ready").Status == "True"
}

// Object is an object that units apply; which fields are set depends on its kind.
type Object struct {
	Metadata table.Meta        `json:"metadata"`
	Data     map[string]string `json:"data"`
	Spec     struct {
		Template struct {
			Spec struct {
				Containers []struct {
					Image string `json:"image"`
				} `json:"containers"`
			} `json:"spec"`
		} `json:"template"`
	} `json:"spec"`
}

// GetMeta implements table.Row.
func (o Object) GetMeta() table.Meta { return o.Metadata }

// Image returns the image of a Deployment's only container.
func (o Object) Image() string {
	if containers := o.Spec.Template.Spec.Containers; len(containers) > 0 {
		return containers[0].Image
	}
	return ""
}

// Tables show the state of everything that cells wait for.
type Tables struct {
	Units, Sources                              *table.Table[State]
	ConfigMaps, Services, Accounts, Deployments *table.Table[Object]
}

func openTables(ctx context.Context, c rest.Interface) (Tables, error) {
	var t Tables
	for path, into := range map[string]**table.Table[State]{unitsPath: &t.Units, sourcesPath: &t.Sources} {
		opened, err := table.Open[State](ctx, c, path)
		if err != nil {
			return t, fmt.Errorf("opening tables: %w", err)
		}
		*into = opened
	}
	for path, into := range map[string]**table.Table[Object]{
		configMapsPath: &t.ConfigMaps, servicesPath: &t.Services, accountsPath: &t.Accounts, deploymentsPath: &t.Deployments,
	} {
		opened, err := table.Open[Object](ctx, c, path)
		if err != nil {
			return t, fmt.Errorf("opening tables: %w", err)
		}
		*into = opened
	}
	return t, nil
}
