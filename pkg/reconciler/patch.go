package reconciler

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/status"
)

// maxConflicts is how often a status write is tried again because somebody else
// wrote to the object in between.
const maxConflicts = 5

// unchecked spares the API server a second, strict reading of the object for the
// sake of warnings. What it does not know it drops, and the answer shows it.
const unchecked = client.FieldValidation(metav1.FieldValidationIgnore)

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
	p.flushed()
	return Park(0)
}

func (p *pass[O, S]) patchFinalizers(ctx context.Context, finalizers []string) error {
	body, err := json.Marshal(map[string]any{"metadata": map[string]any{
		"finalizers": finalizers, "resourceVersion": p.snapshot.GetResourceVersion(), "uid": p.snapshot.GetUID(),
	}})
	if err != nil {
		return fmt.Errorf("encoding finalizers: %w", err)
	}
	answer := p.named()
	if err := p.r.Client.Patch(ctx, answer, client.RawPatch(types.MergePatchType, body),
		client.FieldOwner(p.r.FieldOwner), unchecked); err != nil {
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
	answer := p.named()
	body, err := json.Marshal(map[string]any{
		"metadata": map[string]any{"resourceVersion": base.GetResourceVersion(), "uid": base.GetUID()},
		"status":   changes,
	})
	if err != nil {
		return answer, fmt.Errorf("encoding status: %w", err)
	}
	err = p.r.Client.Status().Patch(ctx, answer, client.RawPatch(types.MergePatchType, body),
		client.FieldOwner(p.r.FieldOwner), unchecked)
	return answer, err
}

// named returns an empty object with the name of the pass's, for an answer.
func (p *pass[O, S]) named() O {
	answer := p.r.Kind.New()
	answer.SetNamespace(p.obj.GetNamespace())
	answer.SetName(p.obj.GetName())
	return answer
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
	was, err := statusOf(before)
	if err != nil {
		return nil, err
	}
	is, err := statusOf(after)
	if err != nil {
		return nil, err
	}
	return mergePatch(was, is), nil
}

// statusOf returns the fields of an object's status as they are sent.
func statusOf(obj any) (map[string]json.RawMessage, error) {
	document, err := json.Marshal(obj)
	if err != nil {
		return nil, fmt.Errorf("encoding the object: %w", err)
	}
	var fields struct {
		Status map[string]json.RawMessage `json:"status"`
	}
	if err := json.Unmarshal(document, &fields); err != nil {
		return nil, fmt.Errorf("comparing status: %w", err)
	}
	return fields.Status, nil
}

// mergePatch returns the merge patch (RFC 7396) from one object to another. Both
// were encoded from the same type, so that what is equal has the same bytes, and
// nothing but what differs has to be looked into: most of a status is an inventory
// that stays as it is.
func mergePatch(before, after map[string]json.RawMessage) map[string]any {
	changes := map[string]any{}
	for name := range before {
		if _, ok := after[name]; !ok {
			changes[name] = nil
		}
	}
	for name, is := range after {
		was, known := before[name]
		if bytes.Equal(was, is) {
			continue
		}
		var old, now map[string]json.RawMessage
		if known && json.Unmarshal(was, &old) == nil && json.Unmarshal(is, &now) == nil && old != nil && now != nil {
			changes[name] = mergePatch(old, now)
		} else {
			changes[name] = is
		}
	}
	return changes
}
