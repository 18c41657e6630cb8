package controller

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	. "github.com/onsi/gomega"
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
