package apply

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/capstan-gitops/capstan/pkg/live/mark"
)

// checkReplacement makes sure that the object would be accepted if the one that
// is in the way were gone, by validating a creation under another name: nothing
// is deleted for a replacement that would then be refused. Where that fails, the
// refusal that led here is what the user has to know.
func (a *Applier) checkReplacement(ctx context.Context, j *job, refused error) error {
	replacement := j.Object.DeepCopy()
	replacement.SetName("")
	replacement.SetGenerateName("replacement-")
	if _, err := a.create(ctx, j.at, replacement, true); err != nil {
		return refused
	}
	return nil
}

// clear deletes the object that is in the way and waits until it is gone. An
// object whose policies forbid it is left, which fails the task.
func (a *Applier) clear(ctx context.Context, j *job) error {
	namespace, name := j.Object.GetNamespace(), j.Object.GetName()
	current, err := a.metadata(ctx, j.at, namespace, name)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if mark.PolicyOf(current).Kept() {
		return fmt.Errorf("replacing it is needed, and its policies forbid deletion")
	}
	uid, version := current.GetUID(), current.GetResourceVersion()
	gone, err := a.remove(ctx, j.at, namespace, name, metav1.Preconditions{UID: &uid, ResourceVersion: &version})
	if gone || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	return a.awaitAbsence(ctx, j, uid)
}
