package cause

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Of says why a workload is not well, given its pods in any order, in at most
// 300 bytes; it is empty when nothing says so. A bare Pod is its own only pod,
// and other objects than workloads have none.
func Of(obj *unstructured.Unstructured, pods []*unstructured.Unstructured) string {
	var w workload
	if !read(obj, &w) {
		return ""
	}
	switch obj.GetKind() {
	case "Pod":
		pods = []*unstructured.Unstructured{obj}
	case "PersistentVolumeClaim":
		return finish(w.claim())
	}
	if refused := w.refused(); refused != "" {
		return finish(refused)
	}
	below := ofPods(readPods(pods), w.Status.UpdateRevision)
	switch failed := find(w.Status.Conditions, "Failed"); {
	case obj.GetKind() == "Job" && failed.Status == "True":
		return finish(jobFailed(failed, below))
	case below != "":
		return finish(below)
	}
	return finish(w.without(len(pods)))
}

// refused says why the pods of a workload are not even made.
func (w *workload) refused() string {
	c := find(w.Status.Conditions, "ReplicaFailure")
	if c.Status != "True" {
		return ""
	}
	if text := admission(c.Message); text != "" {
		return "its pods cannot be created: " + text
	}
	return "its pods cannot be created"
}

// without is what remains to be said of a workload whose pods say nothing.
func (w *workload) without(pods int) string {
	if w.Spec.Paused {
		return "it is paused (spec.paused)"
	}
	if c := find(w.Status.Conditions, "Progressing"); c.Status == "False" && c.Reason == "ProgressDeadlineExceeded" {
		return "it has made no progress within its progress deadline"
	}
	wanted := w.Status.DesiredNumberScheduled
	if w.Spec.Replicas != nil {
		wanted = *w.Spec.Replicas
	}
	if pods == 0 && wanted > 0 {
		return "none of its pods has been created; its events say why"
	}
	return ""
}

// claim says what a claim for a volume waits for.
func (w *workload) claim() string {
	class := "the default storage class"
	if w.Spec.StorageClassName != "" {
		class = "storage class " + quote(w.Spec.StorageClassName)
	}
	switch w.Status.Phase {
	case "Pending":
		return "the claim is not bound to a volume of " + class
	case "Lost":
		return "the volume that the claim was bound to is lost"
	}
	return ""
}

func jobFailed(c condition, below string) string {
	text := "the Job has failed"
	switch c.Reason {
	case "":
	case "BackoffLimitExceeded":
		text += ": its retries are used up (BackoffLimitExceeded)"
	case "DeadlineExceeded":
		text += ": it ran longer than its deadline allows (DeadlineExceeded)"
	default:
		text += " (" + word(c.Reason) + ")"
	}
	if below != "" {
		text += ": " + below
	}
	return text
}

func readPods(objects []*unstructured.Unstructured) []*pod {
	pods := make([]*pod, 0, len(objects))
	for _, obj := range objects {
		p := &pod{}
		if read(obj, p) {
			pods = append(pods, p)
		}
	}
	return pods
}

// ofPods chooses one cause. The pods of the revision that is being rolled out
// are asked first: while they come up those of the old one may be well, or ill
// for a reason that has just been mended.
func ofPods(pods []*pod, revision string) string {
	if revision == "" {
		revision = newest(pods)
	}
	var mine, others []finding
	for _, p := range pods {
		found := p.findings()
		if p.revision() == revision {
			mine = append(mine, found...)
		} else {
			others = append(others, found...)
		}
	}
	if text := gravest(mine); text != "" {
		return text
	}
	return gravest(others)
}

// newest is the revision of the pod that was made last; of several made in the
// same second, the first by name.
func newest(pods []*pod) string {
	if len(pods) == 0 {
		return ""
	}
	return slices.MinFunc(pods, func(a, b *pod) int {
		return cmp.Or(cmp.Compare(b.Metadata.CreationTimestamp, a.Metadata.CreationTimestamp), cmp.Compare(a.revision(), b.revision()))
	}).revision()
}

func (p *pod) revision() string {
	return cmp.Or(p.Metadata.Labels["pod-template-hash"], p.Metadata.Labels["controller-revision-hash"])
}

// The weight of what a pod says. What has to be mended by whoever wrote the
// manifest comes before what may pass.
const (
	weightImage = iota
	weightConfig
	weightStart
	weightCrash
	weightUnschedulable
	weightNode
	weightProbe
	weightEvicted
	weightPending
)

// finding is something that is wrong with a pod.
type finding struct {
	weight int
	text   string
}

func gravest(found []finding) string {
	if len(found) == 0 {
		return ""
	}
	return slices.MinFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.weight, b.weight), cmp.Compare(a.text, b.text))
	}).text
}

const longest = 300

// finish bounds a sentence.
func finish(text string) string {
	if len(text) <= longest {
		return text
	}
	return strings.TrimRight(strings.ToValidUTF8(text[:longest-len("…")], ""), " ,;:(") + "…"
}

// quote shows a name.
func quote(name string) string { return fmt.Sprintf("%q", shorten(name, 120)) }

// NeedsPods reports whether the pods of an object can add to what its own status
// says, so that nobody lists them for nothing.
func NeedsPods(obj *unstructured.Unstructured) bool {
	switch obj.GetKind() {
	case "Deployment", "ReplicaSet", "StatefulSet", "DaemonSet", "Job":
	default:
		return false
	}
	var w workload
	return !read(obj, &w) || w.refused() == ""
}
