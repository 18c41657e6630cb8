package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/testdata"
	"github.com/capstan-gitops/capstan/e2e/world"
	"github.com/capstan-gitops/capstan/manifests"
	"github.com/capstan-gitops/capstan/pkg/testkit/gitserver"
)

const (
	// patience is how long a commit may take to arrive before the demo says that it has not.
	patience = 2 * time.Minute
	// interval is how often the repository is looked at: there is no forge that would tell of a push.
	interval = "2s"

	versions = "apps/kustomization.yaml"
)

// run shows everything, and stays until the context ends unless it is to be seen only once.
func run(ctx context.Context, out io.Writer, once bool) (err error) {
	s := newScreen(out)
	s.title("Building and starting, all on this machine")
	w, err := world.Start(ctx, world.Options{Progress: s.section("")})
	if err != nil {
		return err
	}
	defer func() {
		s.title("Stopping")
		err = errors.Join(err, w.Stop())
	}()
	live, stopLive := context.WithCancel(ctx)
	followed := follow(live, w, s)
	defer followed.Wait()
	defer stopLive()

	s.title("Applying manifests/clusters/dev, which has the cluster follow a sample repository")
	repository, err := publish(ctx, w)
	if err != nil {
		return err
	}
	if err := syncFrom(ctx, w, repository.URL()); err != nil {
		return err
	}
	if err := arrived(ctx, w, repository); err != nil {
		return err
	}

	s.title("A commit moves the web Deployment from 1.0 to 2.0")
	if err := release(ctx, repository); err != nil {
		return err
	}
	if err := arrived(ctx, w, repository); err != nil {
		return err
	}
	s.title("The change has arrived")
	if once {
		return nil
	}
	s.print(howTo(w.Cluster(), repository.URL()))
	return stay(ctx, w)
}

// publish makes a repository of the sample.
func publish(ctx context.Context, w *world.World) (*gitserver.Repository, error) {
	repository, err := w.Git.CreateRepository(ctx, "sample")
	if err != nil {
		return nil, err
	}
	// Whoever watches is to push with nothing but git.
	if err := repository.Configure(ctx, "http.receivepack", "true"); err != nil {
		return nil, err
	}
	files := map[string]string{}
	sample, err := fs.Sub(testdata.Files, "demo")
	if err != nil {
		return nil, fmt.Errorf("reading the sample repository: %w", err)
	}
	err = fs.WalkDir(sample, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := fs.ReadFile(sample, path)
		files[path] = string(content)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("reading the sample repository: %w", err)
	}
	_, err = repository.Commit(ctx, files, "Web and worker, both 1.0")
	return repository, err
}

// syncFrom applies manifests/clusters/dev, pointed at the local repository, and has everything reported in the chat.
func syncFrom(ctx context.Context, w *world.World, url string) error {
	objects, err := manifests.Build("clusters/dev")
	if err != nil {
		return err
	}
	for _, obj := range append(chat(w.Slack.URL()), objects...) {
		spec, _, err := unstructured.NestedMap(obj.Object, "spec")
		if err != nil {
			return fmt.Errorf("reading %s: %w", obj.GetName(), err)
		}
		switch obj.GetKind() {
		case "GitRepository":
			spec["url"], spec["interval"] = url, interval
		case kustomizev1.KustomizationKind:
			spec["path"], spec["wait"], spec["retryInterval"] = "./clusters/dev", true, "5s"
		}
		obj.Object["spec"] = spec
		if err := w.Apply(ctx, obj); err != nil {
			return err
		}
	}
	return nil
}

// release makes the commit that the demo is about.
func release(ctx context.Context, repository *gitserver.Repository) error {
	content, err := fs.ReadFile(testdata.Files, "demo/"+versions)
	if err != nil {
		return fmt.Errorf("reading the sample repository: %w", err)
	}
	changed := strings.Replace(string(content), `web
  newTag: "1.0"`, `web
  newTag: "2.0"`, 1)
	if changed == string(content) {
		return fmt.Errorf("changing %s: it does not say which version of web runs", versions)
	}
	_, err = repository.Commit(ctx, map[string]string{versions: changed}, "Move web to 2.0")
	return err
}

// arrived waits until the tip of the repository is applied and healthy.
func arrived(ctx context.Context, w *world.World, repository *gitserver.Repository) error {
	hash, err := repository.Resolve(ctx, "refs/heads/main")
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not within %s", patience))
	defer cancel()
	for _, name := range []string{"flux-system", "apps"} {
		unit := &kustomizev1.Kustomization{}
		unit.Namespace, unit.Name = world.Namespace, name
		seen := "it does not exist"
		err := w.Await(ctx, unit, func(exists bool) bool {
			if exists {
				seen = describeStatus(unit.Status.Conditions)
			}
			return exists && unit.Status.LastAppliedRevision == "main@sha1:"+hash &&
				unit.Status.ObservedGeneration == unit.Generation &&
				apimeta.IsStatusConditionTrue(unit.Status.Conditions, meta.ConditionReady)
		})
		if err != nil {
			return errors.Join(fmt.Errorf("waiting until commit %.7s is applied by Kustomization %s: %w; last seen: %s", hash, name, err, seen),
				w.Failed())
		}
	}
	return nil
}

// stay returns when the context ends, or with the cause when the control plane fails.
func stay(ctx context.Context, w *world.World) error { return w.Cluster().Wait(ctx) }

// howTo says what to do next.
func howTo(cluster *devcluster.Cluster, url string) string {
	return fmt.Sprintf(`
Try it yourself, in another terminal. Change what runs:

  git clone %[1]s sample && cd sample
  sed -i 's/"1.0"/"3.0"/' %[2]s
  git commit -am 'Move worker to 3.0' && git push

Look at the cluster, from this repository (kubectl is built if there is none yet):

  go run ./devcluster/cmd/devcluster kubectl -state %[3]s -- get gitrepositories,kustomizations,deployments -A

or with a kubectl of your own:

  export KUBECONFIG=%[4]s

Edit something by hand, and see it corrected:

  kubectl -n shop scale deployment web --replicas 1

Ctrl-C ends everything and leaves nothing behind.
`, url, versions, cluster.StateDir(), cluster.KubeconfigPath())
}
