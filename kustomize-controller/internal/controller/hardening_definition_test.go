package controller

import (
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"
)

// TestDefinitionThatIsServedLate says that an object whose definition is applied in
// the same run waits until its kind is served, and that no failure is reported: a
// definition is established before every API server serves its kind. Discovery of
// the kind by its version alone answers twice that there is none.
func TestDefinitionThatIsServedLate(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files, _, gadget := gadgets(r, "late")
	const lag = 2
	var asked atomic.Int32
	r.requests.tamper(func(req *http.Request) *http.Response {
		if req.URL.Path != "/apis/"+gadget.GroupVersionKind().Group+"/v1" || asked.Add(1) > lag {
			return nil
		}
		return &http.Response{
			StatusCode: http.StatusNotFound, Request: req, ProtoMajor: 1, ProtoMinor: 1,
			Header: http.Header{"Content-Type": {"text/plain"}}, Body: io.NopCloser(strings.NewReader("404 page not found\n")),
		}
	})
	t.Cleanup(func() { r.requests.tamper(nil) })
	r.publish(t, "1", files)
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("True "), "the retry interval is an hour; it was not waited for")
	g.Expect(r.events(t, "app")()).NotTo(ContainElement(HavePrefix("Warning")))
}

// TestDefinitionOfOthersIsRemoved says that a Kustomization notices when its objects go
// with a definition that it does not apply itself, and that it puts them back when the
// definition is there again, long before its interval or its retry interval.
func TestDefinitionOfOthersIsRemoved(t *testing.T) {
	g := NewWithT(t)
	r := newRig(t)
	files, definition, gadget := gadgets(r, "theirs")
	g.Expect(yaml.Unmarshal([]byte(files["app/definition.yaml"]), &definition.Object)).To(Succeed())
	delete(files, "app/definition.yaml")
	install := func() {
		fresh := definition.DeepCopy()
		g.Expect(r.Create(t.Context(), fresh)).To(Succeed())
		t.Cleanup(func() { _ = r.Delete(context.Background(), fresh) })
	}
	install()
	r.publish(t, "1", files)
	unit := r.unit("app", "./app")
	g.Expect(r.Create(t.Context(), unit)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
	g.Expect(r.Get(t.Context(), client.ObjectKeyFromObject(gadget), gadget)).To(Succeed())
	before := gadget.GetUID()

	g.Expect(r.Delete(t.Context(), definition)).To(Succeed())
	g.Eventually(r.state(t.Context(), unit), soon).Should(HavePrefix("False "))
	g.Expect(message(unit)).To(ContainSubstring("Gadget"))

	install()
	g.Eventually(func() bool {
		err := r.Get(t.Context(), client.ObjectKeyFromObject(gadget), gadget)
		return err == nil && gadget.GetUID() != before
	}, soon).Should(BeTrue())
	g.Eventually(r.state(t.Context(), unit), soon).Should(Equal(readyAt1))
}
