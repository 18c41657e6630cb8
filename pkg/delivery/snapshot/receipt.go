package snapshot

import (
	"fmt"
	"strings"
	"time"
)

// maxExcluded is how many objects that were left out a message names.
const maxExcluded = 5

// Receipt says what was kept of a deletion.
type Receipt struct {
	// ID names the snapshot; empty when none was written.
	ID string
	// Namespace and Secrets are where it is.
	Namespace string
	Secrets   []string
	// Objects is the number of objects in it.
	Objects int
	// Expires is until when it is there.
	Expires time.Time
	// Excluded names the Secrets that were left out, as Kind/namespace/name.
	Excluded []string
	// Skipped says why nothing was written though there were objects to keep.
	Skipped string
}

// Command is the shell command that creates the objects again.
func (r Receipt) Command() string {
	return fmt.Sprintf("kubectl -n %s get secret -l %s=%s -o go-template='{{range .items}}{{index .data %q | base64decode}}{{end}}' | gunzip | kubectl create -f -",
		r.Namespace, LabelSnapshot, r.ID, Field)
}

// String is what an event says about the snapshot; empty when there is nothing to
// say.
func (r Receipt) String() string {
	var lines []string
	switch {
	case r.Skipped != "":
		lines = append(lines, "No snapshot: "+r.Skipped)
	case r.ID != "":
		lines = append(lines, fmt.Sprintf("Objects kept until %s: %d; to create them again: %s",
			r.Expires.UTC().Format(time.RFC3339), r.Objects, r.Command()))
	}
	if len(r.Excluded) > 0 {
		named, more := r.Excluded, ""
		if len(named) > maxExcluded {
			named, more = named[:maxExcluded], fmt.Sprintf(" and %d more", len(named)-maxExcluded)
		}
		lines = append(lines, "Not kept, because they are Secrets: "+strings.Join(named, ", ")+more)
	}
	return strings.Join(lines, "\n")
}
