package cause

import (
	"fmt"
	"slices"
	"strings"
)

// findings lists everything that is wrong with a pod. One that is well, or that
// is being deleted for a reason of somebody else's, has nothing wrong.
func (p *pod) findings() []finding {
	if p.lost() {
		return []finding{{weightNode, p.onNode("its node", "is lost")}}
	}
	if p.Metadata.DeletionTimestamp != "" || p.Status.Phase == "Succeeded" || find(p.Status.Conditions, "Ready").Status == "True" {
		return nil
	}
	if found := p.ended(); found != nil {
		return found
	}
	found := p.scheduling()
	for _, s := range p.Status.InitContainerStatuses {
		found = append(found, p.container(s, true)...)
	}
	for _, s := range p.Status.ContainerStatuses {
		found = append(found, p.container(s, false)...)
	}
	if len(found) == 0 {
		found = p.pending()
	}
	return found
}

// lost reports a pod whose node does not answer any more.
func (p *pod) lost() bool {
	disrupted := find(p.Status.Conditions, "DisruptionTarget")
	return p.Status.Reason == "NodeLost" || p.Status.Phase == "Unknown" ||
		disrupted.Status == "True" && disrupted.Reason == "DeletionByTaintManager"
}

func (p *pod) onNode(what, how string) string {
	if p.Spec.NodeName == "" {
		return what + " " + how
	}
	return what + " " + quote(p.Spec.NodeName) + " " + how
}

// ended says why a pod was ended from outside. One that failed by itself is
// explained by its containers.
func (p *pod) ended() []finding {
	if p.Status.Phase != "Failed" {
		return nil
	}
	switch p.Status.Reason {
	case "Evicted":
		text := "the pod was evicted"
		if resource := after(p.Status.Message, "low on resource: "); resource != "" {
			text += ": the node was low on " + word(resource)
		}
		return []finding{{weightEvicted, text}}
	case "Preempting":
		return []finding{{weightEvicted, "the pod was preempted by one of higher priority"}}
	case "NodeShutdown", "Shutdown", "Terminated":
		return []finding{{weightEvicted, "the pod ended with its node"}}
	case "DeadlineExceeded":
		return []finding{{weightStart, "the pod ran longer than its deadline allows"}}
	case "UnexpectedAdmissionError", "NodeAffinity", "OutOfcpu", "OutOfmemory", "OutOfpods":
		return []finding{{weightUnschedulable, "its node refused the pod (" + word(p.Status.Reason) + ")"}}
	}
	return nil
}

// scheduling says why no node takes the pod.
func (p *pod) scheduling() []finding {
	c := find(p.Status.Conditions, "PodScheduled")
	if c.Status != "False" {
		return nil
	}
	if c.Reason == "SchedulingGated" {
		return []finding{{weightUnschedulable, "the pod waits for its scheduling gates to be removed"}}
	}
	text := "the pod cannot be scheduled"
	if said := scheduler(c.Message); said != "" {
		text += ": " + said
	}
	if claims := p.claims(); len(claims) > 0 && strings.Contains(strings.ToLower(c.Message), "persistentvolumeclaim") {
		text += " (claims: " + strings.Join(claims, ", ") + ")"
	}
	return []finding{{weightUnschedulable, text}}
}

// claims names the first claims of the pod.
func (p *pod) claims() (names []string) {
	for _, v := range p.Spec.Volumes {
		if v.Claim.Name != "" {
			names = append(names, shorten(v.Claim.Name, 60))
		}
	}
	slices.Sort(names)
	return names[:min(len(names), 3)]
}

// pending is what is left for a pod that has a node but no container.
func (p *pod) pending() []finding {
	if gates := find(p.Status.Conditions, "Ready"); gates.Status == "False" && gates.Reason == "ReadinessGatesNotReady" {
		return []finding{{weightProbe, "its containers are ready, but a readiness gate of the pod is not"}}
	}
	if find(p.Status.Conditions, "PodReadyToStartContainers").Status == "False" {
		return []finding{{weightPending, "the pod waits for its volumes or its network"}}
	}
	return nil
}

// container says what is wrong with a container.
func (p *pod) container(s containerStatus, init bool) []finding {
	named := "container " + quote(s.Name)
	if init {
		named = "init " + named
	}
	if waiting := s.State.Waiting; waiting != nil {
		if found, ok := waits(named, s, waiting.Reason, waiting.Message); ok {
			return []finding{found}
		}
	}
	// Between two crashes a container runs, or is about to.
	end := s.State.Terminated
	if end == nil && !s.Ready {
		end = s.LastState.Terminated
	}
	switch {
	case end != nil && end.ExitCode != 0:
		return []finding{{weightCrash, crash(named, s, end)}}
	case s.State.Running == nil || s.Ready:
		return nil
	}
	return probes(named, s, p.spec(s.Name), init)
}

// probes explains a container that runs without being ready. An init container
// that is no sidecar does not have to be.
func probes(named string, s containerStatus, spec container, init bool) []finding {
	switch {
	case init && spec.RestartPolicy != "Always":
		return nil
	case s.Started != nil && !*s.Started && spec.StartupProbe != nil:
		return []finding{{weightProbe, named + " runs, but its startup probe has not succeeded"}}
	case spec.ReadinessProbe != nil:
		return []finding{{weightProbe, named + " runs, but its readiness probe fails"}}
	}
	return nil
}

// waits explains a container that is not started. Reasons that are part of an
// ordinary start explain nothing.
func waits(named string, s containerStatus, reason, message string) (finding, bool) {
	switch reason {
	case "ErrImagePull", "ImagePullBackOff", "RegistryUnavailable", "ErrImageNeverPull", "ImageInspectError", "SignatureValidationFailed":
		text := named + ": image " + quote(s.Image) + " cannot be pulled"
		if why := pull(reason, message); why != "" {
			text += ": " + why
		}
		return finding{weightImage, text}, true
	case "InvalidImageName":
		return finding{weightImage, named + ": " + quote(s.Image) + " is not a valid name of an image"}, true
	case "CreateContainerConfigError":
		return finding{weightConfig, named + " cannot be created: " + configuration(message)}, true
	case "PostStartHookError":
		return finding{weightStart, named + ": its postStart hook fails"}, true
	case "CreateContainerError", "RunContainerError", "PreCreateHookError", "PreStartHookError":
		return finding{weightStart, named + " cannot be started (" + reason + ")"}, true
	case "CrashLoopBackOff":
		last := s.LastState.Terminated
		if last == nil {
			return finding{weightCrash, named + " crashes again and again"}, true
		}
		if last.Reason == "StartError" || last.Reason == "ContainerCannotRun" {
			return finding{weightStart, named + " cannot be started (" + last.Reason + ")"}, true
		}
		return finding{weightCrash, crash(named, s, last)}, true
	}
	return finding{}, false
}

// crash says how a container ended. The number of restarts is given in steps, so
// that the sentence rests while a container crashes on.
func crash(named string, s containerStatus, end *terminated) string {
	text := named
	switch {
	case end.Reason == "OOMKilled":
		text += " was killed for using more memory than it may (OOMKilled)"
	case end.Signal != 0:
		text += fmt.Sprintf(" was ended by signal %d", end.Signal)
	case end.Reason == "StartError" || end.Reason == "ContainerCannotRun":
		return text + " cannot be started (" + end.Reason + ")"
	case end.ExitCode == 0:
		text += " ends with exit code 0, although it should go on"
	default:
		text += fmt.Sprintf(" exited with code %d", end.ExitCode)
	}
	for _, step := range []int64{100, 10, 3} {
		if s.RestartCount >= step {
			return text + fmt.Sprintf(", restarted %d times or more", step)
		}
	}
	return text
}
