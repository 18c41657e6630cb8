package controller

import (
	"encoding/base64"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

// TestSecretWhoseApplyFailsIsNotShown says that whatever the API server, or a proxy
// before it, answers about a Secret that it refuses, and however much of the Secret
// it quotes, no value is in a condition or an event.
func TestSecretWhoseApplyFailsIsNotShown(t *testing.T) {
	const canary = "canary-79-of-a-secret"
	quoted := `the request {\"stringData\":{\"k\":\"` + canary + `\"}} and ` + base64.StdEncoding.EncodeToString([]byte(canary))
	for name, tc := range map[string]struct {
		data   string
		code   int
		answer string
	}{
		"NumberInStringData": {"stringData: {k: " + canary + ", n: 5}", 0, ""},
		"NotBase64":          {"data: {k: " + canary + "!}", 0, ""},
		"MapInStringData":    {"stringData: {k: {" + canary + ": " + canary + "}}", 0, ""},
		"GatewayTimeout":     {"stringData: {k: " + canary + "}", http.StatusGatewayTimeout, quoted},
		"Refused":            {"stringData: {k: " + canary + "}", http.StatusUnprocessableEntity, quoted},
		"Forbidden":          {"stringData: {k: " + canary + "}", http.StatusForbidden, quoted},
		"ServerError":        {"stringData: {k: " + canary + "}", http.StatusInternalServerError, quoted},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			r := newRig(t)
			secret := "/api/v1/namespaces/" + r.namespace + "/secrets/s"
			r.requests.tamper(func(req *http.Request) *http.Response {
				if tc.code == 0 || req.URL.Path != secret {
					return nil
				}
				body := `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"` + tc.answer + `","code":` + strconv.Itoa(tc.code) + `}`
				return &http.Response{
					StatusCode: tc.code, Request: req, ProtoMajor: 1, ProtoMinor: 1,
					Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(strings.NewReader(body)),
				}
			})
			t.Cleanup(func() { r.requests.tamper(nil) })
			r.publish(t, "1", map[string]string{
				"app/s.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: s, namespace: " + r.namespace + "}\n" + tc.data + "\n",
			})
			unit := r.unit("app", "./app")
			g.Expect(r.Create(t.Context(), unit)).To(Succeed())
			state := r.state(t.Context(), unit)
			g.Eventually(func() (string, error) { // it may wait for its source before
				_, err := state()
				return message(unit), err
			}, "40s").Should(ContainSubstring("Secret"), "it is named")
			g.Expect(state()).To(HavePrefix("False "))
			g.Eventually(r.events(t, "app"), soon).ShouldNot(BeEmpty())
			g.Expect(r.spoken(t, unit)).NotTo(Or(
				ContainSubstring(canary), ContainSubstring(base64.StdEncoding.EncodeToString([]byte(canary)))))
		})
	}
}
