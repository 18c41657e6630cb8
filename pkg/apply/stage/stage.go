// Package stage puts objects in the order in which they are applied: in stages, each of
// which is validated as a whole, and in ranks, whose objects do not wait for each
// other.
//
// It is a model package.
package stage

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/manifest"
)

// The stages in their order: what others are defined by, what others choose
// from, what an administrator named, and the rest.
const (
	stageDefinitions = iota
	stageClasses
	stageCustom
	stageRest
)

// stageOf returns the stage of a kind.
func stageOf(gk schema.GroupKind, custom []schema.GroupKind) int {
	switch {
	case gk == schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}, gk == schema.GroupKind{Kind: "Namespace"},
		gk == schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:
		return stageDefinitions
	case strings.HasSuffix(gk.Kind, "Class"):
		return stageClasses
	case slices.Contains(custom, gk):
		return stageCustom
	}
	return stageRest
}

// Stage is a sequence of ranks that are validated together.
type Stage[T any] struct {
	// Ranks are in order; the items of one do not wait for each other.
	Ranks [][]T
	// Awaited says that later stages need what this one applies.
	Awaited bool
}

// All returns all items of the stage in order.
func (s Stage[T]) All() []T { return slices.Concat(s.Ranks...) }

// placed is an item with its place in the order of applying.
type placed[T any] struct {
	item        T
	object      *unstructured.Unstructured
	stage, rank int
}

// Order puts items, each of which has an object, in the order of applying. Custom are
// kinds that an administrator wants applied before the rest. Stages without items are left out.
func Order[T any](items []T, object func(T) *unstructured.Unstructured, custom []schema.GroupKind) []Stage[T] {
	ordered := make([]placed[T], len(items))
	for i, item := range items {
		gk := object(item).GroupVersionKind().GroupKind()
		ordered[i] = placed[T]{item: item, object: object(item), stage: stageOf(gk, custom), rank: manifest.Rank(gk)}
	}
	slices.SortStableFunc(ordered, func(a, b placed[T]) int {
		if by := cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.rank, b.rank)); by != 0 {
			return by
		}
		return manifest.Compare(a.object, b.object)
	})
	var stages []Stage[T]
	lastStage, lastRank := -1, -1
	for _, p := range ordered {
		if p.stage != lastStage {
			stages = append(stages, Stage[T]{Awaited: p.stage == stageDefinitions || p.stage == stageClasses})
			lastStage, lastRank = p.stage, -1
		}
		current := &stages[len(stages)-1]
		if p.rank != lastRank {
			current.Ranks = append(current.Ranks, nil)
			lastRank = p.rank
		}
		last := len(current.Ranks) - 1
		current.Ranks[last] = append(current.Ranks[last], p.item)
	}
	return stages
}
