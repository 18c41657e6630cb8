package conformance

import (
	"maps"
	"net/http"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/utils/clock"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
	notificationv1 "github.com/capstan-gitops/capstan/apis/notification/v1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/provider"
	"github.com/capstan-gitops/capstan/notification-controller/internal/render"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/testkit/webhooksink"
)

// Capability is something that not every service can do.
type Capability string

// The capabilities. All that a subject does not declare to lack are tested.
const (
	// HTTP: the address is an http or https URL, and statuses are the answers.
	HTTP Capability = "HTTP"
	// Headers: headers of the Secret go out with the message.
	Headers Capability = "Headers"
	// MessageID: every attempt carries the ID of the message.
	MessageID Capability = "MessageID"
	// Pause: the far side can ask for a pause.
	Pause Capability = "Pause"
	// Proxy: messages pass the proxy that the Provider names.
	Proxy Capability = "Proxy"
	// TLS: the authority of the certificate Secret is trusted.
	TLS Capability = "TLS"
	// Token: the service needs a token, and Check says so.
	Token Capability = "Token"
)

func capabilities() []Capability {
	return []Capability{HTTP, Headers, MessageID, Pause, Proxy, TLS, Token}
}

// Subject is a service under test.
type Subject struct {
	// New returns the service. The poster is for those that speak HTTP.
	New func(poster *provider.Poster) provider.Service
	// Far starts a far side on loopback and stops it when the test ends; nil means a
	// web server, for which Sink can ask for more.
	Far  func(t *testing.T) FarSide
	Sink webhooksink.Options
	// Metadata names the metadata service of a cloud as an address of the type would;
	// a URL if empty.
	Metadata string
	// Lacks are the capabilities that the service does not have, each with the
	// reason.
	Lacks map[Capability]string
}

// FarSide is what a service speaks to: a real server on loopback.
type FarSide interface {
	// Address is spec.address of a Provider that leads here.
	Address() string
	// Script says how the next messages are treated, one each; those after them are
	// taken.
	Script(treatments ...Treatment)
	// Received returns the messages so far, whatever became of them.
	Received() []Received
	// Stop ends all connections and the server. It may be called more than once.
	Stop()
}

// Received is a message as it arrived.
type Received struct {
	ID     string
	Body   string
	Header http.Header
}

// Treatment is what a far side does with a message.
type Treatment int

// The treatments.
const (
	Take Treatment = iota
	// RefuseForNow answers that it cannot take the message now.
	RefuseForNow
	// RefuseForGood answers that it will never take it, and repeats in the answer
	// what it was sent, as careless services do.
	RefuseForGood
	// AskForPause refuses for now, and asks for a pause of PauseAsked.
	AskForPause
	// Break ends the connection without an answer.
	Break
	// Hang does not answer.
	Hang
)

// PauseAsked is what AskForPause asks for.
const PauseAsked = 17 * time.Second

const (
	canary   = "canary-token/+=&%"
	path     = "/services/canary-path"
	metadata = "http://169.254.169.254/latest/meta-data"
	timeout  = 5 * time.Second
)

func (s Subject) lacks(c Capability) bool {
	_, lacks := s.Lacks[c]
	return lacks
}

// validate refuses declarations that say nothing.
func (s Subject) validate(t *testing.T) {
	t.Helper()
	for _, c := range slices.Sorted(maps.Keys(s.Lacks)) {
		if !slices.Contains(capabilities(), c) || s.Lacks[c] == "" {
			t.Errorf("%q is declared as lacking: it is unknown, or there is no reason", c)
		}
	}
	if s.lacks(HTTP) != (s.Far != nil) {
		t.Fatal("a service that lacks HTTP brings its own far side, and no other does")
	}
	if s.lacks(HTTP) && !s.lacks(Proxy) {
		t.Fatal("the suite has no proxy for other protocols than HTTP")
	}
}

func (s Subject) far(t *testing.T) FarSide {
	t.Helper()
	if s.Far != nil {
		return s.Far(t)
	}
	return webSide{s.sink(t, s.Sink)}
}

type change = func(*notificationv1.Provider, *provider.Secrets)

// sender sends the message of the suite through one service.
type sender struct {
	service  provider.Service
	settings *provider.Settings
}

// to returns a sender to the address.
func (s Subject) to(t *testing.T, address string, changes ...change) *sender {
	t.Helper()
	p := &notificationv1.Provider{}
	p.Namespace, p.Name = "team", "subject"
	p.Spec.Address, p.Spec.Channel, p.Spec.Timeout = address, "ops", meta.NewDuration(timeout)
	secrets := provider.Secrets{Main: map[string][]byte{"token": []byte(canary)}}
	for _, c := range changes {
		c(p, &secrets)
	}
	settings, err := provider.NewSettings(p, secrets)
	if err != nil {
		t.Fatal(err)
	}
	clients := provider.NewClients(egress.Guard{})
	t.Cleanup(func() { clients.Drop(settings.Provider) })
	return &sender{settings: settings, service: s.New(&provider.Poster{Client: clients.Of, Clock: clock.RealClock{}})}
}

// send makes one attempt. Whatever goes wrong, its error shows no secret.
func (s *sender) send(t *testing.T) error {
	t.Helper()
	err := provider.Deliver(t.Context(), s.service, s.settings, message())
	hidden(t, err)
	return err
}

// message is the message the suite sends.
func message() render.Message {
	return render.Of("message-id", eventv1.Event{
		InvolvedObject: corev1.ObjectReference{APIVersion: "kustomize.toolkit.fluxcd.io/v1", Kind: "Kustomization", Name: "app", Namespace: "team"},
		Severity:       eventv1.SeverityError, Message: "it <broke>\nbadly", Reason: "BuildFailed",
		Metadata: map[string]string{"revision": "main@sha1:1"}, ReportingController: "kustomize-controller",
	})
}
