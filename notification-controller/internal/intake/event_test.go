package intake

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/notification-controller/internal/route"
)

const group = "kustomize.toolkit.fluxcd.io"

func event(change ...func(*eventv1.Event)) eventv1.Event {
	e := eventv1.Event{
		InvolvedObject: corev1.ObjectReference{
			APIVersion: group + "/v1", Kind: "Kustomization", Name: "app", Namespace: "team",
		},
		Severity: eventv1.SeverityError, Reason: "BuildFailed", Message: "it broke",
		Metadata: map[string]string{group + "/revision": "main@sha1:1"},
	}
	for _, c := range change {
		c(&e)
	}
	return e
}

func meta(pairs ...string) func(*eventv1.Event) {
	return func(e *eventv1.Event) {
		e.Metadata = map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			e.Metadata[pairs[i]] = pairs[i+1]
		}
	}
}

func TestClean(t *testing.T) {
	cases := map[string]struct {
		why  string
		in   eventv1.Event
		want map[string]string
	}{
		"OwnGroup": {"the object's group is kept", event(), map[string]string{group + "/revision": "main@sha1:1"}},
		"EventGroup": {"and the group of events", event(meta("event.toolkit.fluxcd.io/cluster", "c")),
			map[string]string{"event.toolkit.fluxcd.io/cluster": "c"}},
		"Foreign": {"nothing else is", event(meta("source.toolkit.fluxcd.io/revision", "x", "plain", "x", group, "x", "x"+group+"/a", "x")),
			map[string]string{}},
		"Digests": {"digests repeat the revision", event(meta(group+"/digest", "d", group+"/CHECKSUM", "c", group+"/digests", "d")),
			map[string]string{group + "/digests": "d"}},
		"EventDigest": {"only those of the own group", event(meta("event.toolkit.fluxcd.io/digest", "d")),
			map[string]string{"event.toolkit.fluxcd.io/digest": "d"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			clean(&tc.in)
			if diff := cmp.Diff(tc.want, tc.in.Metadata); diff != "" {
				t.Errorf("%s: %s", tc.why, diff)
			}
		})
	}
}

func TestKey(t *testing.T) {
	base := event()
	cases := map[string]struct {
		why  string
		in   eventv1.Event
		same bool
	}{
		"Same":       {"the same", event(), true},
		"Severity":   {"severity does not count", event(func(e *eventv1.Event) { e.Severity = eventv1.SeverityInfo }), true},
		"Reason":     {"nor does the reason", event(func(e *eventv1.Event) { e.Reason = "Other" }), true},
		"Controller": {"nor who says it", event(func(e *eventv1.Event) { e.ReportingController = "other" }), true},
		"UID":        {"nor which object of the name", event(func(e *eventv1.Event) { e.InvolvedObject.UID = "u" }), true},
		"OtherMeta":  {"nor other metadata", event(meta(group+"/revision", "main@sha1:1", group+"/x", "y")), true},
		"Message":    {"another message is new", event(func(e *eventv1.Event) { e.Message = "again" }), false},
		"Name":       {"another object", event(func(e *eventv1.Event) { e.InvolvedObject.Name = "b" }), false},
		"Namespace":  {"another namespace", event(func(e *eventv1.Event) { e.InvolvedObject.Namespace = "b" }), false},
		"Kind":       {"another kind", event(func(e *eventv1.Event) { e.InvolvedObject.Kind = "b" }), false},
		"Revision":   {"another revision", event(meta(group+"/revision", "main@sha1:2")), false},
		"Token":      {"another token", event(meta(group+"/revision", "main@sha1:1", group+"/token", "t")), false},
		"Origin":     {"another origin", event(meta(group+"/revision", "main@sha1:1", group+"/originRevision", "o")), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := key(&tc.in) == key(&base); got != tc.same {
				t.Errorf("%s: same key %t, want %t", tc.why, got, tc.same)
			}
		})
	}
	const want = "6b6881a5f774dc6726ab992c1a23a39495d87dc6672d1a2decaa166d29aa5d4f"
	if got := key(&base); got != want {
		t.Errorf("key %s, want %s: the sha256 of the list that the contract gives", got, want)
	}
}

func TestDecode(t *testing.T) {
	cases := map[string]struct {
		why, body string
		ok        bool
	}{
		"Whole":     {"an event", `{"involvedObject":{"kind":"K","name":"n","namespace":"ns"},"message":"m","unknown":1}`, true},
		"Empty":     {"nothing", ``, false},
		"NotJSON":   {"no JSON", `hello`, false},
		"Trailing":  {"two documents", `{"involvedObject":{"kind":"K","name":"n","namespace":"ns"}} {}`, false},
		"WrongType": {"a message that is no text", `{"involvedObject":{"kind":"K","name":"n","namespace":"ns"},"message":{}}`, false},
		"NoObject":  {"about nothing", `{"message":"m"}`, false},
		"Null":      {"null", `null`, false},
		"BadTime":   {"a time that is none", `{"involvedObject":{"kind":"K","name":"n","namespace":"ns"},"timestamp":"soon"}`, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := decode([]byte(tc.body)); (err == nil) != tc.ok {
				t.Errorf("%s: error %v", tc.why, err)
			}
		})
	}
	long := strings.Repeat("ä", eventv1.MaxMessageLength+1)
	e, err := decode([]byte(`{"involvedObject":{"kind":"K","name":"n","namespace":"ns"},"message":"` + long + `"}`))
	if err != nil || utf8.RuneCountInString(e.Message) != eventv1.MaxMessageLength {
		t.Errorf("message of %d characters (%v)", utf8.RuneCountInString(e.Message), err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(`{"involvedObject":{"kind":"K","name":"n","namespace":"ns","apiVersion":"a/b/c"},"metadata":{"a/x":"y","/":""}}`))
	f.Add([]byte(`{"involvedObject":{"kind":"K","name":"n","namespace":"ns"},"timestamp":null,"metadata":null}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		e, err := decode(body)
		if err != nil {
			return
		}
		clean(&e)
		prefix := route.Group(&e) + "/"
		for k := range e.Metadata {
			if !strings.HasPrefix(k, prefix) && !strings.HasPrefix(k, eventv1.Group+"/") {
				t.Errorf("foreign key %q survived", k)
			}
		}
		if len(key(&e)) != 64 {
			t.Errorf("no key")
		}
	})
}
