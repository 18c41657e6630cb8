package generic_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/conformance"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider/generic"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

func TestConformance(t *testing.T) {
	t.Run("Plain", func(t *testing.T) {
		conformance.Run(t, conformance.Subject{
			New:   func(poster *provider.Poster) provider.Service { return &generic.Service{Poster: poster} },
			Lacks: map[conformance.Capability]string{conformance.Token: "any web service may be the far side; headers carry its credentials"},
		})
	})
	t.Run("Signed", func(t *testing.T) {
		conformance.Run(t, conformance.Subject{
			New: func(poster *provider.Poster) provider.Service { return &generic.Service{Poster: poster, Signed: true} },
		})
	})
}

func TestRequest(t *testing.T) {
	for name, signed := range map[string]bool{"Plain": false, "Signed": true} {
		t.Run(name, func(t *testing.T) {
			sink, err := webhooksink.Start(webhooksink.Options{})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(sink.Stop)
			service := &generic.Service{Signed: signed, Poster: &provider.Poster{
				Client: func(*provider.Settings) (*http.Client, error) { return http.DefaultClient, nil }, Clock: clock.RealClock{},
			}}
			settings := &provider.Settings{
				Address: sink.URL(), Token: "key", Timeout: notificationv1.DefaultTimeout,
				Headers: map[string]string{"X-Tenant": "one", "Authorization": "Basic x"},
			}
			if err := provider.Deliver(t.Context(), service, settings, message()); err != nil {
				t.Fatal(err)
			}
			got := sink.Received()[0]
			var event eventv1.Event
			if err := json.Unmarshal(got.Body, &event); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(message().Event, event); diff != "" {
				t.Errorf("the body is not the event: %s", diff)
			}
			mac := hmac.New(sha256.New, []byte("key"))
			mac.Write(got.Body)
			want := map[string]string{
				"gotk-component": "kustomize-controller", "X-Tenant": "one", "Authorization": "Basic x",
				"Content-Type": "application/json", "X-Signature": "",
			}
			if signed {
				want["X-Signature"] = "sha256=" + hex.EncodeToString(mac.Sum(nil))
			}
			for name, value := range want {
				if got.Header.Get(name) != value {
					t.Errorf("%s is %q, want %q", name, got.Header.Get(name), value)
				}
			}
		})
	}
}

func TestHMACNeedsAToken(t *testing.T) {
	err := provider.Deliver(t.Context(), &generic.Service{Signed: true}, &provider.Settings{Address: "http://127.0.0.1:1"}, message())
	if want := "signing the event: the Secret has no key token"; err == nil || !provider.IsFinal(err) || err.Error() != want {
		t.Errorf("an unsigned event was sent or the cause is unclear: %v", err)
	}
}

// message is about an error: two lines and a field.
func message() render.Message {
	return render.Of("message-id", eventv1.Event{
		InvolvedObject: corev1.ObjectReference{Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       eventv1.SeverityError, Message: "it <broke>\nbadly", Reason: "BuildFailed",
		Metadata: map[string]string{"revision": "main@sha1:1"}, ReportingController: "kustomize-controller",
	})
}
