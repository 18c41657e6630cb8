package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/go-logr/logr"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// DefaultKeep is how long snapshots are kept.
const DefaultKeep = 24 * time.Hour

const defaultPerUnit = 50

// Client is what the store needs of the API server. It must not read from a
// cache: that would be one of all Secrets.
type Client interface {
	Create(ctx context.Context, obj client.Object, opts ...client.CreateOption) error
	Delete(ctx context.Context, obj client.Object, opts ...client.DeleteOption) error
	List(ctx context.Context, list client.ObjectList, opts ...client.ListOption) error
}

// Options configures a Store.
type Options struct {
	// Client acts as the controller.
	Client Client
	// Clock is the time.
	Clock clock.WithTicker
	// Kind is the kind of the units, as in "Kustomization". A store collects the
	// snapshots of its own kind only.
	Kind string
	// Keep is how long snapshots are kept; zero switches them off.
	Keep time.Duration
	// Secrets keeps objects of kind Secret as well. The operator vouches for their
	// encryption at rest.
	Secrets bool
	// PerUnit is the most snapshots of one unit, 50 if it is zero; the
	// oldest goes first.
	PerUnit int
	// Namespace is the only one watched; empty for all.
	Namespace string
	// Log gets what nobody waits for.
	Log logr.Logger
}

// Store writes snapshots and collects them when their time has come.
type Store struct {
	opts  Options
	known *register
}

// New returns a store. It collects once it is started.
func New(opts Options) (*Store, error) {
	if opts.Client == nil || opts.Clock == nil || opts.Kind == "" {
		return nil, errors.New("making the store of snapshots: it needs a client, a clock and a kind")
	}
	if opts.PerUnit <= 0 {
		opts.PerUnit = defaultPerUnit
	}
	return &Store{opts: opts, known: newRegister()}, nil
}

// Put keeps live objects that are about to be deleted. When it returns without an
// error they may be: what is kept is stored, and the receipt names
// what is not. An error is a fault that may pass; nothing may be deleted then. The
// same objects put again within the hour are kept once.
func (s *Store) Put(ctx context.Context, unit types.NamespacedName, uid types.UID, revision string, objects []*unstructured.Unstructured) (Receipt, error) {
	kept, excluded := s.sift(objects)
	r := Receipt{Namespace: unit.Namespace, Objects: len(kept), Excluded: excluded}
	switch {
	case len(kept) == 0:
		return r, nil
	case s.opts.Keep <= 0:
		r.Skipped = "snapshots are switched off"
		return r, nil
	}
	p, err := pack(uid, kept)
	if err != nil {
		return Receipt{}, s.refuse(len(kept), err)
	}
	r.Expires = s.opts.Clock.Now().Add(s.opts.Keep).UTC().Truncate(time.Second)
	err = s.writeAll(ctx, unit, revision, p, &r)
	switch {
	case leaving(err):
		return Receipt{
			Namespace: unit.Namespace, Objects: len(kept), Excluded: excluded,
			Skipped: fmt.Sprintf("namespace %s is being deleted", unit.Namespace),
		}, nil
	case err != nil:
		return Receipt{}, s.refuse(len(kept), err)
	}
	r.ID = p.id
	s.bound(ctx, unitKey{unit.Namespace, labelOf(unit)}, p.id)
	return r, nil
}

// sift separates what is kept from the Secrets that are not.
func (s *Store) sift(objects []*unstructured.Unstructured) (kept []*unstructured.Unstructured, excluded []string) {
	for _, obj := range objects {
		if manifest.IsSecret(obj) && !s.opts.Secrets {
			excluded = append(excluded, inventory.IDOf(obj).Subject())
			continue
		}
		kept = append(kept, obj)
	}
	return kept, excluded
}

func (s *Store) writeAll(ctx context.Context, unit types.NamespacedName, revision string, p packed, r *Receipt) error {
	var written []*corev1.Secret
	for i, part := range p.parts {
		secret := &corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Namespace: unit.Namespace, Name: nameOf(unit.Name, p.id, i),
				Labels: map[string]string{LabelPruned: labelOf(unit), LabelSnapshot: p.id},
				Annotations: map[string]string{
					AnnotationExpires: r.Expires.Format(time.RFC3339), unitAnnotation(s.opts.Kind): unit.Name, AnnotationRevision: revision,
					AnnotationObjects: strconv.Itoa(r.Objects), AnnotationPart: fmt.Sprintf("%d/%d", i+1, len(p.parts)),
				},
			},
			Type: Type, Immutable: new(true), Data: map[string][]byte{Field: part},
		}
		since, err := s.write(ctx, secret)
		if err != nil {
			s.drop(ctx, written) // part of a snapshot is none
			return err
		}
		if since.IsZero() {
			written = append(written, secret)
		} else if since.Before(r.Expires) {
			r.Expires = since
		}
		r.Secrets = append(r.Secrets, secret.Name)
	}
	return nil
}

// write stores a Secret. One that was stored a moment ago for an earlier try of
// the same deletion will do; until then is it kept.
func (s *Store) write(ctx context.Context, secret *corev1.Secret) (until time.Time, err error) {
	err = s.opts.Client.Create(ctx, secret)
	if apierrors.IsAlreadyExists(err) {
		if expires, ok := s.known.expires(keyOf(secret)); ok && expires.Sub(s.opts.Clock.Now()) >= s.opts.Keep-s.opts.Keep/24 {
			return expires, nil
		}
		// The name is a digest of the content, and that has just been read again:
		// nothing is lost if the second of these requests fails.
		old := &corev1.Secret{ObjectMeta: metav1.ObjectMeta{Namespace: secret.Namespace, Name: secret.Name}}
		if err = s.opts.Client.Delete(ctx, old); client.IgnoreNotFound(err) == nil {
			err = s.opts.Client.Create(ctx, secret)
		}
	}
	if err == nil {
		s.known.add(secret)
	}
	return time.Time{}, err
}

// bound deletes the oldest snapshots of a unit that has too many. That it could
// not is no reason to hold a deletion.
func (s *Store) bound(ctx context.Context, unit unitKey, newest string) {
	s.drop(ctx, s.known.surplus(unit, s.opts.PerUnit, newest))
}

// drop deletes Secrets, if they still are what they were.
func (s *Store) drop(ctx context.Context, secrets []*corev1.Secret) {
	for _, secret := range secrets {
		if err := s.remove(ctx, secret); err != nil {
			s.opts.Log.Error(err, "deleting a snapshot", "namespace", secret.Namespace, "name", secret.Name)
		}
	}
}

func (s *Store) remove(ctx context.Context, secret *corev1.Secret) error {
	uid := secret.UID
	err := s.opts.Client.Delete(ctx, secret, client.Preconditions{UID: &uid})
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		return fmt.Errorf("deleting Secret %s/%s: %w", secret.Namespace, secret.Name, err)
	}
	s.known.forget(keyOf(secret))
	return nil
}

// leaving reports that the namespace of the snapshot is on its way out, or gone.
// Holding a deletion for it would hold the namespace as well.
func leaving(err error) bool {
	return apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) || apierrors.IsNotFound(err)
}

func (s *Store) refuse(objects int, err error) error {
	return fault.Retry(meta.ReasonPruneFailed,
		fmt.Errorf("deleting %d objects: held, because writing their snapshot failed: %w", objects, err),
		fault.Hint("to delete without one, annotate the %s with %s=%s", s.opts.Kind, AnnotationSnapshot, meta.DisabledValue))
}

func labelOf(unit types.NamespacedName) string { return shortened(unit.Name, maxLabel) }
