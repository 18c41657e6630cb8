package status_test

import (
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestSteady(t *testing.T) {
	for name, c := range map[string]struct {
		why, one, other string
		same            bool
	}{
		"Address":    {"a library prints where it keeps something", "merging from generator &{0x311e40c7cee0 <nil>}: id exists", "merging from generator &{0x14000122d80 <nil>}: id exists", true},
		"Duration":   {"an attempt takes as long as it takes", "timed out after 4.004s: x", "timed out after 1m4.1s: x", true},
		"Short":      {"also in small units", "answered in 950ms", "answered in 12.5µs", true},
		"Temporary":  {"a directory has a random name", "open /tmp/kustomize-123456/a: no space", "open /tmp/kustomize-987/a: no space", true},
		"Port":       {"a connection begins at another port", "read tcp 10.0.0.5:43210->10.0.0.1:443: connection reset", "read tcp 10.0.0.5:51002->10.0.0.1:443: connection reset", true},
		"Request":    {"a request has a name", "denied: request 0b7c5b1e-6a4b-4c55-9a35-1d9a1c0a3f11", "denied: request 5d2f9b1c-1a4b-4c55-9a35-aaaaaaaaaaaa", true},
		"Time":       {"the other side has a clock", "token expired at 2026-01-02T03:04:05Z", "token expired at 2026-01-02T03:05:06.7+01:00", true},
		"Order":      {"a map has no order", "no such fields: a, b; c", "no such fields: c; b, a", true},
		"Object":     {"another object is another failure", "Deployment/a failed", "Deployment/b failed", false},
		"FarEnd":     {"so is another server", "dial tcp 10.0.0.1:443: refused", "dial tcp 10.0.0.1:8443: refused", false},
		"Count":      {"so is a number that is no duration", "1 of 3 objects failed", "2 of 3 objects failed", false},
		"Revision":   {"so is another revision", "main@sha1:0a1b2c", "main@sha1:0a1b2d", false},
		"LikeUnits":  {"a group is no duration", "networking.k8s.io", "networking.k9s.io", false},
		"SmallerHex": {"a number of somebody's is no address", "mode 0x1a", "mode 0x1b", false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := status.Steady(c.one) == status.Steady(c.other); got != c.same {
				t.Errorf("%s: got %t for %q and %q", c.why, got, status.Steady(c.one), status.Steady(c.other))
			}
		})
	}
}

// TestTheSameFailureIsNotWrittenAgain says that the status of an object that fails
// stays as it is while the failure does, and that nothing is reported.
func TestTheSameFailureIsNotWrittenAgain(t *testing.T) {
	attempt := func(before []metav1.Condition, generation int64, message string) status.Result {
		return status.Derive(status.Input{Previous: before, Generation: generation, Now: time.Unix(60, 0), Outcome: outcome(status.Retry, meta.ReasonBuildFailed, message)})
	}
	first := attempt(nil, 1, "at 0x311e40c7cee0: exists")
	for name, c := range map[string]struct {
		why        string
		generation int64
		message    string
		written    string
		notice     status.Notice
	}{
		"Same":       {"only the address differs", 1, "at 0x14000122d80: exists", "at 0x311e40c7cee0: exists", status.Silent},
		"Another":    {"it is another failure", 1, "at 0x14000122d80: gone", "at 0x14000122d80: gone", status.Warning},
		"Generation": {"it is about another spec, and written, but nothing new", 2, "at 0x14000122d80: exists", "at 0x14000122d80: exists", status.Silent},
	} {
		t.Run(name, func(t *testing.T) {
			got := attempt(first.Conditions, c.generation, c.message)
			if ready := status.Find(got.Conditions, meta.ConditionReady); ready.Message != c.written {
				t.Errorf("%s: want %q written, got %q", c.why, c.written, ready.Message)
			}
			if got.Notice != c.notice {
				t.Errorf("%s: want notice %d, got %d", c.why, c.notice, got.Notice)
			}
		})
	}
}
