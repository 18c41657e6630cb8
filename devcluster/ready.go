package devcluster

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/component"
	"github.com/capstan-gitops/capstan/devcluster/internal/proc"
)

// pollInterval is short because whoever starts a cluster waits for it.
const pollInterval = 25 * time.Millisecond

// awaitAPI waits until the API server says that it is ready, and returns a client for it.
func (c *Cluster) awaitAPI(ctx context.Context) (*apiClient, error) {
	api, err := newAPIClient(c.RESTURL(), c.admin)
	if err != nil {
		return nil, err
	}
	err = c.await(ctx, APIServer, func(ctx context.Context) bool {
		code, err := api.do(ctx, http.MethodGet, "/readyz", nil, nil)
		return err == nil && code == http.StatusOK
	})
	if err != nil {
		api.close()
		return nil, err
	}
	return api, nil
}

// learnVersion asks the API server for its version.
func (c *Cluster) learnVersion(ctx context.Context, api *apiClient) error {
	var version struct {
		GitVersion string `json:"gitVersion"`
	}
	if _, err := api.do(ctx, http.MethodGet, "/version", nil, &version); err != nil {
		return err
	}
	c.version = version.GitVersion
	return nil
}

// awaitControllers waits until the first effects of the other processes are seen: they have nothing that could be asked.
func (c *Cluster) awaitControllers(ctx context.Context, api *apiClient) error {
	if c.options.runs(Kwok) {
		if err := c.createNodes(ctx, api); err != nil {
			return err
		}
	}
	if c.options.runs(ControllerManager) {
		err := c.await(ctx, ControllerManager, func(ctx context.Context) bool {
			code, err := api.do(ctx, http.MethodGet, "/api/v1/namespaces/default/serviceaccounts/default", nil, nil)
			return err == nil && code == http.StatusOK
		})
		if err != nil {
			return err
		}
	}
	if !c.options.runs(Kwok) {
		return nil
	}
	return c.await(ctx, Kwok, func(ctx context.Context) bool {
		var nodes nodeList
		code, err := api.do(ctx, http.MethodGet, "/api/v1/nodes", nil, &nodes)
		return err == nil && code == http.StatusOK && nodes.ready() >= c.options.Nodes
	})
}

// await asks again and again until the answer is yes, a process ends or the context does.
func (c *Cluster) await(ctx context.Context, about Component, ready func(context.Context) bool) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for !ready(ctx) {
		select {
		case err := <-c.failed:
			return err
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w; the end of its log:\n%s",
				about, context.Cause(ctx), proc.Tail(c.Log(about), 15))
		case <-ticker.C:
		}
	}
	return nil
}

type node struct {
	APIVersion string     `json:"apiVersion,omitempty"`
	Kind       string     `json:"kind,omitempty"`
	Metadata   nodeMeta   `json:"metadata"`
	Spec       nodeSpec   `json:"spec"`
	Status     nodeStatus `json:"status"`
}

type nodeMeta struct {
	Name   string            `json:"name"`
	Labels map[string]string `json:"labels"`
}

type nodeSpec struct {
	Taints []any `json:"taints,omitempty"`
}

type nodeStatus struct {
	NodeInfo   map[string]string `json:"nodeInfo,omitempty"`
	Conditions []struct {
		Type   string `json:"type"`
		Status string `json:"status"`
	} `json:"conditions,omitempty"`
}

type nodeList struct {
	Items []node `json:"items"`
}

// ready counts the nodes that take pods: a new node keeps a taint until the controller manager has seen it ready.
func (l nodeList) ready() int {
	count := 0
	for _, n := range l.Items {
		for _, condition := range n.Status.Conditions {
			if condition.Type == "Ready" && condition.Status == "True" && len(n.Spec.Taints) == 0 {
				count++
			}
		}
	}
	return count
}

// createNodes registers the nodes, as kubelets would; kwok finds and manages them.
func (c *Cluster) createNodes(ctx context.Context, api *apiClient) error {
	for i := range c.options.Nodes {
		code, err := api.do(ctx, http.MethodPost, "/api/v1/nodes", newNode("node-"+strconv.Itoa(i+1), c.version), nil)
		if err != nil {
			return fmt.Errorf("creating a node: %w", err)
		}
		if code != http.StatusCreated && code != http.StatusConflict {
			return fmt.Errorf("creating a node: the API server answered %d", code)
		}
	}
	return nil
}

func newNode(name, version string) node {
	return node{
		APIVersion: "v1",
		Kind:       "Node",
		Metadata: nodeMeta{Name: name, Labels: map[string]string{
			"kubernetes.io/hostname": name,
			"kubernetes.io/os":       "linux",
			"kubernetes.io/arch":     "amd64",
		}},
		Status: nodeStatus{NodeInfo: map[string]string{
			"architecture": "amd64", "operatingSystem": "linux", "osImage": "devcluster", "kernelVersion": "devcluster",
			"containerRuntimeVersion": component.Kwok, "kubeletVersion": version, "kubeProxyVersion": version,
			"machineID": name, "systemUUID": name, "bootID": name,
		}},
	}
}
