package steps

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apimeta "k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/e2e/world"
)

const (
	dumpTimeout = 10 * time.Second
	dumpedLines = 60
)

// dumpIfFailed prints everything that could explain why the story failed.
func (s *Scene) dumpIfFailed() {
	if !s.t.Failed() {
		return
	}
	// The context of a test is over when its cleanup runs.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.t.Context()), dumpTimeout)
	defer cancel()
	var text strings.Builder
	for _, list := range []client.ObjectList{
		&sourcev1.GitRepositoryList{}, &kustomizev1.KustomizationList{}, &appsv1.DeploymentList{}, &corev1.ConfigMapList{},
	} {
		s.dumpObjects(ctx, &text, list)
	}
	s.dumpEvents(ctx, &text)
	for _, c := range world.Controllers() {
		fmt.Fprintf(&text, "\n--- log of %s\n%s\n", c, s.world.Log(c, s.Namespace, dumpedLines))
	}
	if err := s.world.Failed(); err != nil {
		fmt.Fprintf(&text, "\n--- controllers that ended\n%v\n", err)
	}
	s.t.Logf("what explains it:\n%s\n%s", text.String(), s.transcript())
}

func (s *Scene) dumpObjects(ctx context.Context, text *strings.Builder, list client.ObjectList) {
	if err := s.client.List(ctx, list, client.InNamespace(s.Namespace)); err != nil {
		fmt.Fprintln(text, err)
		return
	}
	objects, err := apimeta.ExtractList(list)
	if err != nil {
		fmt.Fprintln(text, err)
		return
	}
	for _, obj := range objects {
		accessor, ok := obj.(client.Object)
		if !ok || accessor.GetName() == "kube-root-ca.crt" {
			continue
		}
		content, err := yaml.Marshal(obj)
		if err != nil {
			content = []byte(err.Error())
		}
		fmt.Fprintf(text, "--- %T %s\n%s", obj, accessor.GetName(), content)
	}
}

func (s *Scene) dumpEvents(ctx context.Context, text *strings.Builder) {
	var events corev1.EventList
	if err := s.client.List(ctx, &events, client.InNamespace(s.Namespace)); err != nil {
		fmt.Fprintln(text, err)
		return
	}
	text.WriteString("\n--- events\n")
	for _, e := range events.Items {
		fmt.Fprintf(text, "%s %s %s %s/%s: %s\n", e.LastTimestamp.Format(time.TimeOnly), e.Type, e.Reason,
			e.InvolvedObject.Kind, e.InvolvedObject.Name, e.Message)
	}
}
