package fault_test

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// facts is what a reader of an error gets out of it.
type facts struct {
	Class  fault.Class
	Reason meta.Reason
	Hint   string
	After  time.Duration
	Text   string
}

func factsOf(err error) facts {
	f := fault.Of(err)
	return facts{Class: f.Class, Reason: f.Reason, Hint: f.Hint, After: f.After, Text: err.Error()}
}

func TestOf(t *testing.T) {
	cause := errors.New("connection refused")
	cases := map[string]struct {
		why  string
		err  error
		want facts
	}{
		"Unclassified": {
			why:  "an error that nobody classified may pass by itself",
			err:  cause,
			want: facts{Class: fault.ClassRetry, Reason: meta.ReasonReconciliationFailed, Text: "connection refused"},
		},
		"Retry": {
			why:  "the reason of the edge reaches the reader",
			err:  fault.Retry(meta.ReasonGitOperationFailed, cause),
			want: facts{Class: fault.ClassRetry, Reason: meta.ReasonGitOperationFailed, Text: "connection refused"},
		},
		"WaitWithLimit": {
			why:  "a wait can bound itself",
			err:  fault.Wait(meta.ReasonDependencyNotReady, cause, fault.After(time.Minute)),
			want: facts{Class: fault.ClassWait, Reason: meta.ReasonDependencyNotReady, After: time.Minute, Text: "connection refused"},
		},
		"StalledWithHint": {
			why: "the hint stands behind the cause",
			err: fault.Stalled(meta.ReasonInvalidPath, cause, fault.Hint("set %s", "spec.path")),
			want: facts{
				Class: fault.ClassStalled, Reason: meta.ReasonInvalidPath, Hint: "set spec.path",
				Text: "connection refused: set spec.path",
			},
		},
		"WrappedOnTheWayUp": {
			why: "layers in between add context and change no fact",
			err: fmt.Errorf("applying stage 2: %w", fault.Wait(meta.ReasonDependencyNotReady, cause)),
			want: facts{
				Class: fault.ClassWait, Reason: meta.ReasonDependencyNotReady, Text: "applying stage 2: connection refused",
			},
		},
		"ClassifiedTwice": {
			why: "the outermost classification wins: it was made by whoever knew more",
			err: fault.Stalled(meta.ReasonAccessDenied, fmt.Errorf("reading source: %w", fault.Retry(meta.ReasonArtifactFailed, cause))),
			want: facts{
				Class: fault.ClassStalled, Reason: meta.ReasonAccessDenied, Text: "reading source: connection refused",
			},
		},
		"Joined": {
			why: "a fault is found among joined errors",
			err: errors.Join(errors.New("closing tree"), fault.Stalled(meta.ReasonInvalidPath, cause)),
			want: facts{
				Class: fault.ClassStalled, Reason: meta.ReasonInvalidPath, Text: "closing tree\nconnection refused",
			},
		},
		"HintAddedLater": {
			why: "a later hint keeps reason, class and net",
			err: fault.WithHint(fault.Wait(meta.ReasonDependencyNotReady, cause, fault.After(time.Second)), "look at %s", "it"),
			want: facts{
				Class: fault.ClassWait, Reason: meta.ReasonDependencyNotReady, After: time.Second,
				Hint: "look at it", Text: "connection refused: look at it",
			},
		},
		"HintOnUnclassified": {
			why: "an unclassified error gets the defaults with its hint",
			err: fault.WithHint(cause, "try later"),
			want: facts{
				Class: fault.ClassRetry, Reason: meta.ReasonReconciliationFailed, Hint: "try later",
				Text: "connection refused: try later",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, factsOf(tc.err)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
			if !errors.Is(tc.err, cause) {
				t.Errorf("%s: the cause is lost", tc.why)
			}
		})
	}
}

func TestNilStaysNil(t *testing.T) {
	made := map[string]error{
		"New":      fault.New(fault.ClassRetry, meta.ReasonFailed, nil),
		"Retry":    fault.Retry(meta.ReasonFailed, nil),
		"Wait":     fault.Wait(meta.ReasonFailed, nil),
		"Stalled":  fault.Stalled(meta.ReasonFailed, nil),
		"WithHint": fault.WithHint(nil, "no hint"),
	}
	for name, err := range made {
		if err != nil {
			t.Errorf("%s made an error of success: %v", name, err)
		}
	}
}

func TestIs(t *testing.T) {
	err := fmt.Errorf("reading source: %w", fault.Wait(meta.ReasonArtifactFailed, fs.ErrNotExist))
	if !fault.Is(err, meta.ReasonArtifactFailed) {
		t.Error("the reason of a wrapped fault is not found")
	}
	if fault.Is(err, meta.ReasonBuildFailed) {
		t.Error("another reason is reported")
	}
	if fault.Is(fs.ErrNotExist, meta.ReasonReconciliationFailed) {
		t.Error("an unclassified error carries no reason of its own")
	}
	if fault.Is(nil, meta.ReasonArtifactFailed) {
		t.Error("success carries a reason")
	}
}

func TestClassNames(t *testing.T) {
	got := []string{fault.ClassRetry.String(), fault.ClassWait.String(), fault.ClassStalled.String()}
	if diff := cmp.Diff([]string{"retry", "wait", "stalled"}, got); diff != "" {
		t.Errorf("logs use these words (-want +got):\n%s", diff)
	}
}
