package status

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/capstan-gitops/capstan/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// maxMessage bounds the message of a condition, in bytes.
	maxMessage = 1024
	// headShare is how much of a message that is too long its head may keep. The
	// tail, where the answer of the other side stands, gets the rest.
	headShare = 384
	ellipsis  = " … "
)

// Find returns the condition of the given type, or nil.
func Find(conditions []metav1.Condition, conditionType string) *metav1.Condition {
	for i := range conditions {
		if conditions[i].Type == conditionType {
			return &conditions[i]
		}
	}
	return nil
}

// IsTrue reports whether the condition of the given type exists and is True.
func IsTrue(conditions []metav1.Condition, conditionType string) bool {
	c := Find(conditions, conditionType)
	return c != nil && c.Status == metav1.ConditionTrue
}

// Merge returns live with every condition of an owned type taken from mine:
// conditions of others survive, and ours win.
func Merge(live, mine []metav1.Condition, owned func(conditionType string) bool) []metav1.Condition {
	merged := make([]metav1.Condition, 0, len(live)+len(mine))
	for _, c := range live {
		if !owned(c.Type) {
			merged = append(merged, c)
		}
	}
	for _, c := range mine {
		if owned(c.Type) {
			merged = append(merged, c)
		}
	}
	order(merged)
	return merged
}

// Shorten bounds a message to one KiB by leaving out its middle: the head says
// what was attempted, the tail what the other side answered. Bytes that are not
// UTF-8 are replaced, as the API server would: a message that came back in other
// words would be written at every pass.
func Shorten(message string) string {
	message = strings.ToValidUTF8(message, "\uFFFD")
	if len(message) <= maxMessage {
		return message
	}
	head, tail := headShare, len(message)-(maxMessage-headShare-len(ellipsis))
	for !utf8.RuneStart(message[head]) {
		head--
	}
	for !utf8.RuneStart(message[tail]) {
		tail++
	}
	return message[:head] + ellipsis + message[tail:]
}

// set is the list of conditions being derived.
type set struct {
	in   Input
	byID map[string]metav1.Condition
}

func newSet(in Input) *set {
	s := &set{in: in, byID: make(map[string]metav1.Condition, len(in.Previous)+len(in.Own))}
	for _, c := range in.Previous {
		s.byID[c.Type] = c
	}
	return s
}

// put sets a condition; the time of transition moves when status, reason or
// message do.
func (s *set) put(conditionType string, status metav1.ConditionStatus, reason meta.Reason, message string) {
	c := metav1.Condition{
		Type: conditionType, Status: status, Reason: string(reason), Message: message,
		ObservedGeneration: s.in.Generation, LastTransitionTime: metav1.NewTime(s.in.Now.Truncate(1e9)),
	}
	if old, ok := s.byID[conditionType]; ok && old.Status == c.Status && old.Reason == c.Reason {
		if s.failsAgain(old, c) {
			c.Message = old.Message
		}
		if old.Message == c.Message {
			c.LastTransitionTime = old.LastTransitionTime
		}
	}
	s.byID[conditionType] = c
}

// failsAgain reports that a pass failed as the one before it did. The status keeps its
// words then: nothing changed, so nothing is written.
func (s *set) failsAgain(old, c metav1.Condition) bool {
	switch s.in.Outcome.Kind {
	case Retry, Wait:
		return old.ObservedGeneration == c.ObservedGeneration && old.Message != c.Message && Steady(old.Message) == Steady(c.Message)
	}
	return false
}

func (s *set) drop(conditionTypes ...string) {
	for _, t := range conditionTypes {
		delete(s.byID, t)
	}
}

func (s *set) sorted() []metav1.Condition {
	out := make([]metav1.Condition, 0, len(s.byID))
	for _, c := range s.byID {
		out = append(out, c)
	}
	order(out)
	return out
}

// order sorts as the wire contract asks: Stalled, Reconciling, Ready, then the
// newest observed generation first and by type.
func order(conditions []metav1.Condition) {
	slices.SortFunc(conditions, func(a, b metav1.Condition) int {
		return cmp.Or(
			cmp.Compare(rank(a.Type), rank(b.Type)),
			cmp.Compare(b.ObservedGeneration, a.ObservedGeneration),
			strings.Compare(a.Type, b.Type),
		)
	})
}

func rank(conditionType string) int {
	switch conditionType {
	case meta.ConditionStalled:
		return 0
	case meta.ConditionReconciling:
		return 1
	case meta.ConditionReady:
		return 2
	default:
		return 3
	}
}
