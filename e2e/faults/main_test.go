package faults

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/internal/process"
	"github.com/capstan-gitops/capstan/e2e/steps"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// place is what all tests share: a cluster with source-controller, and the means to start others.
type place struct {
	*world.World
	group  *process.Group
	binary string
}

var shared place

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	if err := shared.start(ctx); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	code := m.Run()
	shared.group.Close()
	if err := shared.Stop(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return max(code, 1)
	}
	return code
}

func (p *place) start(ctx context.Context) error {
	root, err := devcluster.Root()
	if err != nil {
		return err
	}
	built, err := world.Build(ctx, root, os.Stderr, world.Kustomize)
	if err != nil {
		return err
	}
	p.binary, p.group = built[world.Kustomize], process.NewGroup()
	p.World, err = world.Start(ctx, world.Options{Controllers: []world.Controller{world.Source}, Audit: true, Progress: os.Stderr})
	return err
}

// scene sets a scene whose states are in testdata/folder.
func scene(t *testing.T, name, folder string) *steps.Scene {
	t.Helper()
	return steps.NewScene(t, shared.World, name, os.DirFS("testdata/"+folder))
}
