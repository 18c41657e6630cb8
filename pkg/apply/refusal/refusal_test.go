package refusal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"unicode"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/inventory"
)

func status(reason metav1.StatusReason, message string, causes ...metav1.StatusCause) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Reason: reason, Message: message, Details: &metav1.StatusDetails{Causes: causes}}}
}

// TestWithoutValues makes sure of this: whatever a server quotes of an object with secret
// content is not said again.
func TestWithoutValues(t *testing.T) {
	const canary = "canary-value"
	denied := `secrets "s" is forbidden: User "u" cannot patch resource "secrets" in API group "" in the namespace "shop"`
	webhook := `admission webhook "check.example.org" denied the request`
	policy := `ValidatingAdmissionPolicy 'p' with binding 'b' denied request`
	cases := map[string]struct {
		why  string
		err  error
		keys bool
		want string
	}{
		"Invalid":     {"validation quotes values", status("Invalid", canary, metav1.StatusCause{Type: "FieldValueInvalid", Field: "data[a]", Message: canary}), true, "refused fields: data[a]: FieldValueInvalid"},
		"Key":         {"a value may have become a key", status("Invalid", canary, metav1.StatusCause{Type: "FieldValueInvalid", Field: "spec.x[" + canary + "].y[12]"}), false, "refused fields: spec.x[…].y[12]: FieldValueInvalid"},
		"Bad":         {"decoding quotes values", status("BadRequest", canary), true, hidden},
		"Type":        {"names of the schema are no values", status("BadRequest", `failed to create typed patch object (a/b; apps/v1, Kind=Deployment): .spec.replicas: expected numeric (int or float), got string "`+canary+`"`), false, "refused field: spec.replicas: expected numeric"},
		"TypeInList":  {"a path through a list quotes its keys", status("BadRequest", `x: .spec.containers[name="`+canary+`"].image: expected string, got x`), false, hidden},
		"Webhook":     {"an admission plug-in sees the object", status("Forbidden", webhook+": "+canary), true, webhook + "; " + hidden},
		"WebhookSays": {"its reason and its causes are its own words", status(canary, webhook+": x", metav1.StatusCause{Type: canary, Field: canary}), true, webhook + "; " + hidden},
		"WebhookBusy": {"a webhook may answer as if it were the server", status("TooManyRequests", webhook+": "+canary), true, webhook + "; " + hidden},
		"Policy":      {"so does a policy", status("Invalid", `x "y" is forbidden: `+policy+": "+canary), true, policy + "; " + hidden},
		"Unreachable": {"who could not be asked is named", status("InternalError", `Internal error occurred: failed calling webhook "check.example.org": `+canary), true, `failed calling webhook "check.example.org"; ` + hidden},
		"RBAC":        {"the authoriser knows names only", status("Forbidden", denied+": "+canary), true, denied},
		"NotFound":    {"it names the namespace", status("NotFound", `namespaces "x" not found`), true, `namespaces "x" not found`},
		"Network":     {"a failed connection has seen no object", errors.New("connection refused"), true, "connection refused"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got := WithoutValues(c.err, c.keys)
			if got.Error() != c.want {
				t.Errorf("%s: got %q, want %q", c.why, got, c.want)
			}
			text := (&ObjectError{Err: got}).Error()
			for _, form := range []string{canary, base64.StdEncoding.EncodeToString([]byte(canary)), strconv.Quote(canary)} {
				if strings.Contains(text, form) {
					t.Errorf("%s: the text holds %s", c.why, form)
				}
			}
			if reason := apierrors.ReasonForError(c.err); reason != canary && apierrors.ReasonForError(got) != reason {
				t.Errorf("the reason was lost: %v", got)
			}
		})
	}
	terminating := WithoutValues(status("Forbidden", "x", metav1.StatusCause{Type: corev1.NamespaceTerminatingCause}), true)
	if !NamespaceTerminating(terminating) {
		t.Error("the cause was lost")
	}
	var many []metav1.StatusCause
	for i := range 50 {
		many = append(many, metav1.StatusCause{Field: fmt.Sprintf("f%02d", i), Type: "x"})
	}
	if got := WithoutValues(status("Invalid", "x", many...), true).Error(); !strings.HasSuffix(got, "f09: x, …") {
		t.Errorf("many fields: got %q", got)
	}
}

// TestText makes sure of this: one line of bounded length, in which nothing is invisible.
func TestText(t *testing.T) {
	id := inventory.ID{Name: "s", Namespace: "shop", Kind: "Secret"}
	cases := map[string]struct {
		why  string
		id   inventory.ID
		err  error
		want string
	}{
		"Plain":     {"the text of the contract", id, status("Invalid", "m"), "Secret/shop/s dry-run failed (Invalid): m"},
		"Unknown":   {"no reason is known", id, errors.New("m"), "Secret/shop/s dry-run failed: m"},
		"NotFound":  {"the text of the contract", id, status("NotFound", "m"), "Secret/shop/s not found: m"},
		"Namespace": {"the text of the contract", inventory.ID{Name: "s", Kind: "Secret"}, &NamespaceError{}, "Secret/s namespace not specified: its kind lives in namespaces and the object names none"},
		"Lines":     {"a log is one record a line", id, status("", "a\n\tb\r\nc\n"), "Secret/shop/s dry-run failed: a b c"},
		"Controls":  {"a terminal obeys what it reads", id, errors.New("\x1b[31mred\x00\x7f"), `Secret/shop/s dry-run failed: \u001b[31mred\u0000\u007f`},
		"Bidi":      {"a reader sees another order", inventory.ID{Name: "a\u202eb\u2066", Kind: "X"}, errors.New("\u200fm"), `X/a\u202eb\u2066 dry-run failed: \u200fm`},
		"Broken":    {"a condition has to be UTF-8", id, errors.New("a\xff\xfeb"), `Secret/shop/s dry-run failed: a\xff\xfeb`},
		"Letters":   {"other scripts are no danger", id, errors.New("größer 大きい �"), "Secret/shop/s dry-run failed: größer 大きい �"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := (&ObjectError{ID: c.id, Step: "dry-run", Err: c.err}).Error(); got != c.want {
				t.Errorf("%s: got %q, want %q", c.why, got, c.want)
			}
		})
	}
}

// TestTextIsBounded is TestText with large parts.
func TestTextIsBounded(t *testing.T) {
	for name, filler := range map[string]string{"Letters": "x", "Controls": "\x01", "Wide": "大", "Broken": "\xff", "Tags": "\U000e0041"} {
		t.Run(name, func(t *testing.T) {
			long := strings.Repeat(filler, 300_000)
			e := &ObjectError{
				ID: inventory.ID{Name: long, Namespace: long, Kind: long}, Step: "dry-run",
				Err: status(metav1.StatusReason(long), "begins "+long+" ends with what is wrong"),
			}
			got := e.Error()
			if len(got) > MaxText {
				t.Errorf("%d bytes", len(got))
			}
			if !strings.Contains(got, "begins") || !strings.HasSuffix(got, "what is wrong") {
				t.Errorf("the answer lost its ends: %q", got)
			}
			for _, r := range got {
				if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
					t.Errorf("%q is in %q", r, got)
					break
				}
			}
		})
	}
}

// TestImmutable makes sure of this: which refusals may mean that an object has to be made
// anew.
func TestImmutable(t *testing.T) {
	cases := map[string]struct {
		why  string
		err  error
		want bool
	}{
		"Words":          {"the contract's words", status("BadRequest", "spec: field is immutable"), true},
		"Invalid":        {"the server's own validation", status("Invalid", "spec: may not be changed"), true},
		"Conflict":       {"somebody else wrote", status("Conflict", "the object has been modified"), false},
		"Policy":         {"a rule against changes is not overcome by deletion", status("Invalid", `x is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: frozen`), false},
		"Webhook":        {"so with a webhook that answers 422", status("Invalid", `admission webhook "w" denied the request: frozen`), false},
		"WebhookByWords": {"operators word it so", status("Invalid", `admission webhook "w" denied the request: spec.x is immutable`), true},
		"Forbidden":      {"nobody said that it cannot change", status("Forbidden", "no"), false},
		"Nothing":        {"no error", nil, false},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := Immutable(c.err); got != c.want {
				t.Errorf("%s: got %t", c.why, got)
			}
		})
	}
}
