package app

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	testclock "k8s.io/utils/clock/testing"
)

// TestFence guards against a former leader that goes on writing: who has not
// renewed the lease in time writes nothing but the lease.
func TestFence(t *testing.T) {
	const lease, other = "/apis/coordination.k8s.io/v1/namespaces/flux-system/leases/mine", "/api/v1/namespaces/a/configmaps/b"
	for name, tc := range map[string]struct {
		why     string
		renewed bool
		after   time.Duration
		method  string
		path    string
		refused bool
	}{
		"NeverLeader":  {"without an election there is nothing to lose", false, time.Hour, http.MethodPatch, other, false},
		"Renewed":      {"the leader writes", true, 3 * time.Second, http.MethodPatch, other, false},
		"Late":         {"somebody else may be the leader", true, 5 * time.Second, http.MethodPatch, other, true},
		"LateDeletion": {"a deletion is a write", true, 5 * time.Second, http.MethodDelete, other, true},
		"LateRead":     {"reading does no harm", true, 5 * time.Second, http.MethodGet, other, false},
		"LateRenewal":  {"the lease is how one becomes the leader again", true, 5 * time.Second, http.MethodPut, lease, false},
		"OtherLease":   {"another lease is an object as any", true, 5 * time.Second, http.MethodPut, lease + "-not", true},
	} {
		t.Run(name, func(t *testing.T) {
			now := testclock.NewFakeClock(time.Unix(1000, 0))
			f := &fence{lease: "mine", within: 4 * time.Second, clock: now}
			reached := 0
			transport := f.wrap(roundTripper(func(*http.Request) (*http.Response, error) {
				reached++
				return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
			}))
			send := func(method, path string) error {
				resp, err := transport.RoundTrip(httptest.NewRequest(method, "https://localhost"+path, nil))
				if err != nil {
					return err
				}
				return resp.Body.Close()
			}
			if tc.renewed {
				if err := send(http.MethodPut, lease); err != nil {
					t.Fatal(err)
				}
			}
			now.Step(tc.after)
			before := reached
			err := send(tc.method, tc.path)
			if errors.Is(err, errFenced) != tc.refused || (reached > before) == tc.refused {
				t.Errorf("%s: got %v", tc.why, err)
			}
		})
	}
}
