package route

import (
	"slices"
	"strings"

	eventv1 "github.com/capstan-gitops/capstan/apis/event/v1beta1"
	"github.com/capstan-gitops/capstan/apis/meta"
)

// layer is one source of metadata.
type layer struct {
	name   string
	values map[string]string
}

// merge lays the sources of metadata over each other, later ones on top. A key
// that more than one of them sets is reported to the owner of the Alert; the event
// is sent all the same.
func (d *decision) merge() map[string]string {
	layers := []layer{
		{"the annotations of the object", strip(d.in.Event.Metadata, eventv1.Group)},
		{"spec.eventMetadata", d.alert.Spec.EventMetadata},
		{"the controller", strip(d.in.Event.Metadata, d.group)},
	}
	merged, setBy := map[string]string{}, map[string]string{}
	var conflicts []string
	for _, l := range layers {
		for key, value := range l.values {
			if before, set := setBy[key]; set {
				conflicts = append(conflicts, key+" (set by "+before+", replaced by "+l.name+")")
			}
			merged[key], setBy[key] = value, l.name
		}
	}
	if len(conflicts) > 0 {
		slices.Sort(conflicts)
		d.problem(meta.ReasonMetadataAppendFailed, "metadata keys are set more than once: %s", strings.Join(conflicts, ", "))
	}
	return merged
}

// strip returns the values whose keys start with the group, without it.
func strip(metadata map[string]string, group string) map[string]string {
	out := map[string]string{}
	for key, value := range metadata {
		if short, ok := strings.CutPrefix(key, group+"/"); ok {
			out[short] = value
		}
	}
	return out
}
