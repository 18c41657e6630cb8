package health

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// listed is the number of objects a message names before it only counts.
const listed = 10

// Subject is an awaited object as a message names it.
type Subject struct {
	// Name is Kind/namespace/name, or Kind/name for an object without a
	// namespace.
	Name string
	// Status is the state the object was last seen in.
	Status Status
}

// Timeout is the message of a wait that ended before every object was Current.
func Timeout(waiting []Subject) string {
	return "timeout waiting for: " + list(waiting)
}

// FailedEarly is the message of a wait that was given up because an object
// failed.
func FailedEarly(stalled []Subject) string {
	return "failed early due to stalled resources: " + list(stalled)
}

// After puts the time that the health check took in front of its message.
func After(d time.Duration, message string) string {
	return fmt.Sprintf("health check failed after %s: %s", d, message)
}

// Passed is the message of a health check in which every object was Current.
func Passed(d time.Duration) string {
	return fmt.Sprintf("Health check passed in %s", d)
}

// list names the objects in the order of their names, so that the same state
// always gives the same message.
func list(subjects []Subject) string {
	texts := make([]string, 0, len(subjects))
	for _, s := range subjects {
		texts = append(texts, fmt.Sprintf("%s status: '%s'", s.Name, s.Status))
	}
	slices.Sort(texts)
	more := ""
	if len(texts) > listed {
		more = fmt.Sprintf(" and %d more", len(texts)-listed)
		texts = texts[:listed]
	}
	return "[" + strings.Join(texts, ", ") + more + "]"
}
