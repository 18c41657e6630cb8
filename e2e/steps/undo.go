package steps

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"regexp"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// restores is the command by which a message in Slack offers to undo a deletion, in its parts: where the snapshot is, how
// it is labelled, and which field of it holds the objects.
var restores = regexp.MustCompile(`kubectl -n (\S+) get secret -l (\S+)=(\S+) -o go-template='\{\{range \.items\}\}` +
	`\{\{index \.data "([^"]+)" \| base64decode\}\}\{\{end\}\}' \| gunzip \| kubectl create -f -`)

// Undo does what the command does that Slack was sent with a deletion, and checks how many objects that
// created.
func (s *Scene) Undo(want int) {
	s.t.Helper()
	var command []string
	for _, m := range s.messages(s.world.Slack.Received()) {
		if found := restores.FindStringSubmatch(m.Text); found != nil {
			command = found
		}
	}
	if command == nil {
		s.t.Fatalf("Slack was sent no command that undoes a deletion\n%s", s.transcript())
	}
	s.log("  running " + command[0])
	snapshot, err := gzip.NewReader(s.snapshot(command[1], command[2], command[3], command[4]))
	s.must("uncompressing the snapshot", err)
	documents := yaml.NewYAMLOrJSONDecoder(snapshot, bytes.MinRead)
	for created := 0; ; created++ {
		obj := &unstructured.Unstructured{}
		err := documents.Decode(obj)
		if errors.Is(err, io.EOF) && created == want {
			return
		}
		if errors.Is(err, io.EOF) {
			s.t.Fatalf("the snapshot had %d objects, not %d", created, want)
		}
		s.must("reading the snapshot", err)
		s.must("creating "+obj.GetKind()+" "+obj.GetName(), s.client.Create(s.t.Context(), obj))
	}
}

// snapshot puts the parts of a snapshot together. A list comes sorted by name.
func (s *Scene) snapshot(namespace, label, value, field string) io.Reader {
	s.t.Helper()
	var secrets corev1.SecretList
	s.must("reading the snapshot", s.client.List(s.t.Context(), &secrets, client.InNamespace(namespace), client.MatchingLabels{label: value}))
	var content bytes.Buffer
	for _, secret := range secrets.Items {
		content.Write(secret.Data[field])
	}
	return &content
}
