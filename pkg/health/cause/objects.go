package cause

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// The parts of the objects that causes are read from; nothing else is looked
// at, so that nothing else can be quoted.
type (
	condition struct {
		Type    string `json:"type"`
		Status  string `json:"status"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	}

	workload struct {
		Spec struct {
			Replicas         *int64 `json:"replicas"`
			Paused           bool   `json:"paused"`
			StorageClassName string `json:"storageClassName"`
		} `json:"spec"`
		Status struct {
			Phase                  string      `json:"phase"`
			UpdateRevision         string      `json:"updateRevision"`
			DesiredNumberScheduled int64       `json:"desiredNumberScheduled"`
			Conditions             []condition `json:"conditions"`
		} `json:"status"`
	}

	pod struct {
		Metadata struct {
			Labels            map[string]string `json:"labels"`
			CreationTimestamp string            `json:"creationTimestamp"`
			DeletionTimestamp string            `json:"deletionTimestamp"`
		} `json:"metadata"`
		Spec struct {
			NodeName       string      `json:"nodeName"`
			Containers     []container `json:"containers"`
			InitContainers []container `json:"initContainers"`
			Volumes        []struct {
				Claim struct {
					Name string `json:"claimName"`
				} `json:"persistentVolumeClaim"`
			} `json:"volumes"`
		} `json:"spec"`
		Status struct {
			Phase                 string            `json:"phase"`
			Reason                string            `json:"reason"`
			Message               string            `json:"message"`
			Conditions            []condition       `json:"conditions"`
			ContainerStatuses     []containerStatus `json:"containerStatuses"`
			InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
		} `json:"status"`
	}

	container struct {
		Name           string    `json:"name"`
		RestartPolicy  string    `json:"restartPolicy"`
		ReadinessProbe *struct{} `json:"readinessProbe"`
		StartupProbe   *struct{} `json:"startupProbe"`
	}

	containerStatus struct {
		Name         string         `json:"name"`
		Image        string         `json:"image"`
		Ready        bool           `json:"ready"`
		Started      *bool          `json:"started"`
		RestartCount int64          `json:"restartCount"`
		State        containerState `json:"state"`
		LastState    containerState `json:"lastState"`
	}

	containerState struct {
		Waiting *struct {
			Reason  string `json:"reason"`
			Message string `json:"message"`
		} `json:"waiting"`
		Running    *struct{}   `json:"running"`
		Terminated *terminated `json:"terminated"`
	}

	terminated struct {
		ExitCode int64  `json:"exitCode"`
		Signal   int64  `json:"signal"`
		Reason   string `json:"reason"`
	}
)

// read fills into from an object, and reports whether the object has the form
// that its kind should have.
func read(obj *unstructured.Unstructured, into any) bool {
	return obj != nil && runtime.DefaultUnstructuredConverter.FromUnstructured(obj.Object, into) == nil
}

// find returns the condition of a type, or an empty one.
func find(conditions []condition, kind string) condition {
	for _, c := range conditions {
		if c.Type == kind {
			return c
		}
	}
	return condition{}
}

// spec returns what is asked of a container.
func (p *pod) spec(name string) container {
	for _, c := range append(p.Spec.Containers[:len(p.Spec.Containers):len(p.Spec.Containers)], p.Spec.InitContainers...) {
		if c.Name == name {
			return c
		}
	}
	return container{}
}
