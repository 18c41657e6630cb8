package v1_test

import (
	"testing"
	"time"

	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

func TestTimeouts(t *testing.T) {
	cases := map[string]struct {
		why            string
		interval       meta.Duration
		retry, timeout meta.Duration
		wantRetry      time.Duration
		wantTimeout    time.Duration
		fails          bool
	}{
		"Defaults":      {why: "retry is the interval, timeout stays below it", interval: "10m", wantRetry: 10 * time.Minute, wantTimeout: 570 * time.Second},
		"ShortInterval": {why: "a timeout is never below 30 seconds", interval: "40s", wantRetry: 40 * time.Second, wantTimeout: 30 * time.Second},
		"Given":         {why: "what the spec says wins", interval: "10m", retry: "1m", timeout: "5s", wantRetry: time.Minute, wantTimeout: 5 * time.Second},
		"BadInterval":   {why: "a default of a bad interval is an error", interval: "1d", fails: true},
		"BadRetry":      {why: "a bad value is never replaced by the default", interval: "10m", retry: "1d", timeout: "-5s", fails: true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			ks := &kustomizev1.Kustomization{}
			ks.Spec.Interval, ks.Spec.RetryInterval, ks.Spec.Timeout = tc.interval, tc.retry, tc.timeout
			retry, retryErr := ks.GetRetryInterval()
			timeout, timeoutErr := ks.GetTimeout()
			if (retryErr != nil) != tc.fails || (timeoutErr != nil) != tc.fails {
				t.Fatalf("%s: errors %v and %v", tc.why, retryErr, timeoutErr)
			}
			if retry != tc.wantRetry || timeout != tc.wantTimeout {
				t.Errorf("%s: got %v and %v, want %v and %v", tc.why, retry, timeout, tc.wantRetry, tc.wantTimeout)
			}
		})
	}
}

func TestDefaults(t *testing.T) {
	ks := &kustomizev1.Kustomization{}
	ks.Namespace = "apps"
	if got := ks.GetDriftMode(); got != meta.DriftEnabled {
		t.Errorf("drift mode %q, want enabled", got)
	}
	if got := ks.GetDeletionPolicy(); got != kustomizev1.DeletionPolicyMirrorPrune {
		t.Errorf("deletion policy %q, want MirrorPrune", got)
	}
	if got := ks.GetSourceNamespace(); got != "apps" {
		t.Errorf("source namespace %q, want that of the object", got)
	}
	ks.Spec.DriftDetection = &kustomizev1.DriftDetection{Mode: meta.DriftWarn}
	ks.Spec.SourceRef.Namespace = "sources"
	if ks.GetDriftMode() != meta.DriftWarn || ks.GetSourceNamespace() != "sources" {
		t.Error("what the spec says has to win over the defaults")
	}
}
