package steps

import (
	"encoding/base64"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	sourcev1 "github.com/capstan-gitops/capstan/apis/source/v1"
	"github.com/capstan-gitops/capstan/e2e/world"
)

// NobodyIsShown checks that values stand nowhere but where they belong: not in an event, a status, a chat message, a log or
// any other file of a controller, neither plain nor in base64.
func (s *Scene) NobodyIsShown(values ...string) {
	s.t.Helper()
	s.log("  looking for secrets in events, statuses, Slack, logs and files")
	said := s.transcript() + s.written(&corev1.EventList{}) + s.written(&kustomizev1.KustomizationList{}) +
		s.written(&sourcev1.GitRepositoryList{})
	if !strings.Contains(said, s.Namespace) || s.world.Log(world.Kustomize, s.Namespace, 1) == "" {
		s.t.Fatal("nothing was said at all: there is nothing to look into")
	}
	for _, value := range values {
		for _, text := range []string{value, base64.StdEncoding.EncodeToString([]byte(value))} {
			files, err := s.world.FilesWith(text)
			s.must("looking into files", err)
			if len(files) > 0 || strings.Contains(said, text) {
				s.t.Fatalf("%q stands in the files %q, or was said:\n%s", text, files, said)
			}
		}
	}
}

func (s *Scene) written(list client.ObjectList) string {
	s.t.Helper()
	s.must("listing objects", s.client.List(s.t.Context(), list, client.InNamespace(s.Namespace)))
	text, err := yaml.Marshal(list)
	s.must("writing objects", err)
	return string(text)
}
