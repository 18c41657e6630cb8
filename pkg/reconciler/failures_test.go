package reconciler

import (
	"testing"

	"k8s.io/apimachinery/pkg/types"

	"github.com/capstan-gitops/capstan/apis/meta"
)

func TestFailuresAreReportedOnce(t *testing.T) {
	first := failure{uid: "1", reason: meta.ReasonHealthCheckFailed, revision: "a", message: "health check failed after 4.004s: x [Deployment/a]: Deployment/a: starting"}
	for name, tc := range map[string]struct {
		why    string
		change func(*failure)
		isNew  bool
	}{
		"Same": {"it was reported", func(*failure) {}, false},
		"TookLonger": {"how long an attempt took does not make a failure new", func(f *failure) {
			f.message = "health check failed after 1m4.1s: x [Deployment/a]: Deployment/a: starting"
		}, false},
		"OtherOrder": {"nor does the order in which a map was read", func(f *failure) {
			f.message = "failed health check after 4.004s: x [Deployment/a]: Deployment/a: pulling"
		}, false},
		"OtherMessage":  {"another object fails", func(f *failure) { f.message = "health check failed after 4s: y" }, true},
		"OtherReason":   {"it fails otherwise", func(f *failure) { f.reason = meta.ReasonBuildFailed }, true},
		"OtherRevision": {"the new revision fails as well", func(f *failure) { f.revision = "b" }, true},
		"OtherObject":   {"it was made anew", func(f *failure) { f.uid = "2" }, true},
	} {
		t.Run(name, func(t *testing.T) {
			f, key, next := &failures{}, types.NamespacedName{Name: "x"}, first
			if !f.isNew(key, first) {
				t.Error("the first failure is new")
			}
			tc.change(&next)
			if got := f.isNew(key, next); got != tc.isNew {
				t.Errorf("%s: got %t", tc.why, got)
			}
			f.forget(key)
			if !f.isNew(key, next) {
				t.Error("a failure after a success is new")
			}
		})
	}
}
