package main

import (
	"context"
	"fmt"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/watch"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/e2e/world"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

// follow shows what happens in the cluster and in the chat, until the context ends.
func follow(ctx context.Context, w *world.World, s *screen) *sync.WaitGroup {
	var all sync.WaitGroup
	for _, list := range []client.ObjectList{
		&sourcev1.GitRepositoryList{}, &kustomizev1.KustomizationList{}, &appsv1.DeploymentList{},
	} {
		all.Go(func() { followKind(ctx, w, s, list) })
	}
	all.Go(func() { followChat(ctx, w.Slack, s) })
	return &all
}

func followKind(ctx context.Context, w *world.World, s *screen, list client.ObjectList) {
	for ctx.Err() == nil {
		watcher, err := w.Client.Watch(ctx, list)
		if err != nil {
			s.line("error", err.Error())
			return
		}
		for event := range watcher.ResultChan() {
			show(s, event)
		}
		watcher.Stop()
	}
}

func show(s *screen, event watch.Event) {
	obj, ok := event.Object.(client.Object)
	if !ok {
		return
	}
	name := fmt.Sprintf("%T/%s/%s", obj, obj.GetNamespace(), obj.GetName())
	if event.Type == watch.Deleted {
		s.state("deleted", name, obj.GetName())
		return
	}
	what, text := describe(obj)
	s.state(what, name, text)
}

// describe says in a line how an object is, and nothing about one that has not come to anything yet.
func describe(obj client.Object) (what, text string) {
	switch o := obj.(type) {
	case *sourcev1.GitRepository:
		if problem := problem(o.Status.Conditions); problem != "" {
			return "failed", o.Name + ": " + problem
		}
		if o.Status.Artifact != nil {
			return "fetched", fmt.Sprintf("%s from %s", o.Status.Artifact.Revision, o.Spec.URL)
		}
	case *kustomizev1.Kustomization:
		if problem := problem(o.Status.Conditions); problem != "" {
			return "waiting", o.Name + ": " + problem
		}
		if apimeta.IsStatusConditionTrue(o.Status.Conditions, meta.ConditionReady) {
			return "applied", fmt.Sprintf("%s: %s, %d objects", o.Name, o.Status.LastAppliedRevision, entries(o))
		}
	case *appsv1.Deployment:
		return describeDeployment(o)
	}
	return "", ""
}

func entries(k *kustomizev1.Kustomization) int {
	if k.Status.Inventory == nil {
		return 0
	}
	return len(k.Status.Inventory.Entries)
}

func describeDeployment(d *appsv1.Deployment) (what, text string) {
	if d.Namespace == world.Namespace || d.Spec.Replicas == nil || len(d.Spec.Template.Spec.Containers) == 0 {
		return "", "" // The Deployments of our own controllers are scaled to nothing.
	}
	image, want := d.Spec.Template.Spec.Containers[0].Image, *d.Spec.Replicas
	done := d.Status.ObservedGeneration == d.Generation && d.Status.UpdatedReplicas == want &&
		d.Status.AvailableReplicas == want && d.Status.Replicas == want
	if done {
		return "healthy", fmt.Sprintf("Deployment %s runs %s in %d pods", d.Name, image, want)
	}
	return "rolling", fmt.Sprintf("Deployment %s to %s", d.Name, image)
}

// problem returns why an object is not ready, or nothing.
func problem(conditions []metav1.Condition) string {
	ready := apimeta.FindStatusCondition(conditions, meta.ConditionReady)
	if ready == nil || ready.Status != metav1.ConditionFalse {
		return ""
	}
	return ready.Message
}

// describeStatus shows all conditions, for somebody who wants to know why.
func describeStatus(conditions []metav1.Condition) string {
	text := "no conditions"
	for i, c := range conditions {
		if i == 0 {
			text = ""
		}
		text += fmt.Sprintf("\n  %s=%s %s: %s", c.Type, c.Status, c.Reason, c.Message)
	}
	return text
}

// followChat shows each message once.
func followChat(ctx context.Context, sink *webhooksink.Sink, s *screen) {
	for shown := 0; ; {
		received, err := sink.WaitFor(ctx, func(all []webhooksink.Request) bool { return len(all) > shown })
		if err != nil {
			return
		}
		for _, request := range received[shown:] {
			if message, err := request.Message(); err == nil {
				s.line("in Slack", message.Author+": "+message.Text)
			}
		}
		shown = len(received)
	}
}
