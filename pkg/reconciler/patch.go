package reconciler

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// maxConflicts is how often a status write is tried again because somebody else
// wrote to the object in between.
const maxConflicts = 5

// addFinalizer makes sure that the deletion of the object is seen.
func (p *pass[O, S]) addFinalizer(ctx context.Context) error {
	if controllerutil.ContainsFinalizer(p.obj, meta.Finalizer) {
		return nil
	}
	return p.patchFinalizers(ctx, append(slices.Clone(p.obj.GetFinalizers()), meta.Finalizer))
}

// removeFinalizer lets a deleted object go.
func (p *pass[O, S]) removeFinalizer(ctx context.Context) Outcome {
	rest := slices.DeleteFunc(slices.Clone(p.obj.GetFinalizers()), func(f string) bool { return f == meta.Finalizer })
	if err := client.IgnoreNotFound(p.patchFinalizers(ctx, rest)); err != nil {
		return again(err)
	}
	p.emit(p.notes())
	p.settled()
	return Park(0)
}

func (p *pass[O, S]) patchFinalizers(ctx context.Context, finalizers []string) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": finalizers, "resourceVersion": p.snapshot.GetResourceVersion(), "uid": p.snapshot.GetUID(),
	}})
	if err != nil {
		return fmt.Errorf("encoding finalizers: %w", err)
	}
	answer := p.snapshot.DeepCopyObject().(O)
	if err := p.r.Client.Patch(ctx, answer, client.RawPatch(types.MergePatchType, body),
		client.FieldOwner(p.r.FieldOwner)); err != nil {
		return fmt.Errorf("writing finalizers: %w", err)
	}
	p.answered(answer)
	return nil
}

// answered takes the API server's answer to a write as the new base of the pass.
func (p *pass[O, S]) answered(answer O) {
	p.r.writes.remember(answer)
	p.snapshot = answer
	p.obj.SetResourceVersion(answer.GetResourceVersion())
	p.obj.SetFinalizers(answer.GetFinalizers())
}

// patchStatus writes what changed in the status since before with one merge
// patch, and nothing when nothing did. Conditions of others that appeared in
// between survive.
func (p *pass[O, S]) patchStatus(ctx context.Context, before O) error {
	changes, err := statusChanges(before, p.obj)
	if err != nil || len(changes) == 0 {
		return err
	}
	base := before
	for try := 0; ; try++ {
		answer, err := p.sendStatus(ctx, base, changes)
		if err == nil {
			p.answered(answer)
			return nil
		}
		if !apierrors.IsConflict(err) || try == maxConflicts {
			return fmt.Errorf("writing status: %w", err)
		}
		base = p.r.Kind.New()
		if err := p.r.Live.Get(ctx, client.ObjectKeyFromObject(p.obj), base); err != nil {
			return fmt.Errorf("reading the object again after a conflict: %w", err)
		}
		if base.GetUID() != before.GetUID() {
			return nil // deleted and made anew: this pass was about another object
		}
		if _, ok := changes["conditions"]; ok {
			changes["conditions"] = status.Merge(base.CommonStatus().Conditions, p.obj.CommonStatus().Conditions, p.r.owns)
		}
	}
}

func (p *pass[O, S]) sendStatus(ctx context.Context, base O, changes map[string]any) (O, error) {
	answer := base.DeepCopyObject().(O)
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": base.GetResourceVersion(), "uid": base.GetUID()},
		"status":   changes,
	})
	if err != nil {
		return answer, fmt.Errorf("encoding status: %w", err)
	}
	err = p.r.Client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, body),
		client.FieldOwner(p.r.FieldOwner))
	return answer, err
}

// owns reports whether a condition type is ours to write.
func (r *Reconciler[O, S]) owns(conditionType string) bool {
	switch conditionType {
	case meta.ConditionReady, meta.ConditionReconciling, meta.ConditionStalled:
		return true
	default:
		return slices.Contains(r.Kind.Owns, conditionType)
	}
}

// statusChanges returns the merge patch from before's status to after's.
func statusChanges[O Object](before, after O) (map[string]any, error) {
	data, err := client.MergeFrom(before).Data(after)
	if err != nil {
		return nil, fmt.Errorf("comparing status: %w", err)
	}
	var patch struct {
		Status map[string]any `json:"status"`
	}
	if err := json.Unmarshal(data, &patch); err != nil {
		return nil, fmt.Errorf("comparing status: %w", err)
	}
	return patch.Status, nil
}
