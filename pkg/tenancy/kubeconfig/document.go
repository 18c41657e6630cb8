package kubeconfig

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"

	"go.yaml.in/yaml/v3"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// Keys of a Secret that are tried when the reference names none.
const (
	defaultKey  = "value"
	fallbackKey = "value.yaml"
)

// lineOf finds the line in an error of the YAML reader. The rest of such an error
// may quote the document and is not shown.
var lineOf = regexp.MustCompile(`\bline (\d+)`)

// refuse is an error about a kubeconfig. It may pass when the Secret changes,
// which may happen without a change of the object.
func refuse(format string, args ...any) error {
	return fault.Retry(meta.ReasonReconciliationFailed, fmt.Errorf("reading the kubeconfig: "+format, args...))
}

// Select returns the kubeconfig in the data of a Secret: under the key the
// reference names, else under value, else under value.yaml.
func Select(data map[string][]byte, key string) ([]byte, error) {
	keys := []string{defaultKey, fallbackKey}
	if key != "" {
		keys = []string{key}
	}
	for _, k := range keys {
		if content, found := data[k]; found {
			return content, nil
		}
	}
	if key != "" {
		return nil, refuse("the Secret has no key %q", key)
	}
	return nil, refuse("the Secret has neither key %q nor %q", defaultKey, fallbackKey)
}

// load reads the document. It is read once as YAML and goes on as JSON, so that
// no second reader can see something else in it.
func load(content []byte) (*api.Config, error) {
	if len(content) == 0 {
		return nil, refuse("it is empty")
	}
	if len(content) > MaxSize {
		return nil, refuse("it has %d bytes, and at most %d are read", len(content), MaxSize)
	}
	if parts(content) > maxParts {
		return nil, refuse("it has more than %d lines and values", maxParts)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	var document yaml.Node
	if err := decoder.Decode(&document); err != nil {
		return nil, notYAML(err)
	}
	if err := decoder.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, refuse("it is more than one document")
	}
	if err := refuseAliases(&document); err != nil {
		return nil, err
	}
	var value map[string]any
	if err := document.Decode(&value); err != nil {
		return nil, notYAML(err)
	}
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, refuse("it is not a kubeconfig: a key is not text")
	}
	config, err := clientcmd.Load(plain)
	if err != nil {
		return nil, refuse("it is not a kubeconfig: a field has a value of the wrong type or data that is not base64, or a name is there twice")
	}
	return config, nil
}

// parts is more than the number of values that the content can have.
func parts(content []byte) int {
	n := 0
	for _, separator := range []string{"\n", "\r", ",", "[", "{", ":", "-"} {
		n += bytes.Count(content, []byte(separator))
	}
	return n
}

func notYAML(err error) error {
	if m := lineOf.FindStringSubmatch(err.Error()); m != nil {
		return refuse("it is not a kubeconfig in YAML: line %s", m[1])
	}
	return refuse("it is not a kubeconfig in YAML")
}

// refuseAliases keeps a small document from becoming a large one. What it repeats
// would be written out for each time. The walk needs no stack of its own: the
// reader limits the depth.
func refuseAliases(node *yaml.Node) error {
	if node.Kind == yaml.AliasNode || node.Anchor != "" {
		return refuse("line %d: anchors and aliases are not allowed", node.Line)
	}
	for _, child := range node.Content {
		if err := refuseAliases(child); err != nil {
			return err
		}
	}
	return nil
}
