package snapshot

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

const (
	// checkEvery is how often the register in memory is asked whether a snapshot has
	// expired.
	checkEvery = time.Hour
	// page is how many Secrets one answer lists.
	page = 500
)

// Start collects expired snapshots until the context ends: once at the start,
// for those that an earlier process left, and later when one is known to have
// come to its end. It implements manager.Runnable.
func (s *Store) Start(ctx context.Context) error {
	ticker := s.opts.Clock.NewTicker(checkEvery)
	defer ticker.Stop()
	for {
		if s.known.due(s.opts.Clock.Now()) {
			if err := s.Collect(ctx); err != nil && ctx.Err() == nil {
				s.opts.Log.Error(err, "collecting expired snapshots")
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C():
		}
	}
}

// NeedLeaderElection makes the leader alone collect.
func (s *Store) NeedLeaderElection() bool { return true }

// Collect lists the metadata of all snapshots and deletes those that have come to
// their end or are too many. The list decides, so that an end that was put off in
// the annotation counts.
func (s *Store) Collect(ctx context.Context) error {
	before := s.known.keys()
	found, err := s.list(ctx)
	if err != nil {
		return err
	}
	s.known.replace(before, found)
	secrets := s.known.expired(s.opts.Clock.Now())
	for _, unit := range s.known.units() {
		secrets = append(secrets, s.known.surplus(unit, s.opts.PerUnit, "")...)
	}
	var errs []error
	for _, secret := range secrets {
		errs = append(errs, s.remove(ctx, secret))
	}
	return errors.Join(errs...)
}

func (s *Store) list(ctx context.Context) (map[types.NamespacedName]part, error) {
	found := map[types.NamespacedName]part{}
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("SecretList"))
	for next := ""; ; next = list.Continue {
		err := s.opts.Client.List(ctx, list,
			client.HasLabels{LabelPruned}, client.MatchingFields{"type": string(Type)},
			client.InNamespace(s.opts.Namespace), client.Limit(page), client.Continue(next))
		if err != nil {
			return nil, fmt.Errorf("listing snapshots: %w", err)
		}
		for i := range list.Items {
			secret := &list.Items[i]
			if _, own := secret.Annotations[unitAnnotation(s.opts.Kind)]; own {
				found[keyOf(secret)] = partOf(secret, s.opts.Keep)
			}
		}
		if list.Continue == "" {
			return found, nil
		}
	}
}
