package apply

import (
	"cmp"
	"slices"
	"strings"

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

var (
	definitionKind = schema.GroupKind{Group: "apiextensions.k8s.io", Kind: "CustomResourceDefinition"}
	namespaceKind  = schema.GroupKind{Kind: "Namespace"}
)

// stageOf returns the stage of a kind.
func stageOf(gk schema.GroupKind, custom []schema.GroupKind) int {
	switch {
	case gk == definitionKind, gk == namespaceKind,
		gk == schema.GroupKind{Group: "rbac.authorization.k8s.io", Kind: "ClusterRole"}:
		return stageDefinitions
	case strings.HasSuffix(gk.Kind, "Class"):
		return stageClasses
	case slices.Contains(custom, gk):
		return stageCustom
	}
	return stageRest
}

// Rank is a set of tasks that do not wait for each other.
type Rank []*Task

// Stage is a sequence of ranks that are validated together.
type Stage struct {
	Ranks []Rank
	// Awaited says that later stages need what this one applies.
	Awaited bool
}

// Tasks returns all tasks of the stage in order.
func (s Stage) Tasks() []*Task {
	var all []*Task
	for _, rank := range s.Ranks {
		all = append(all, rank...)
	}
	return all
}

// Stages puts tasks in the order of applying. Stages without tasks are left out.
func Stages(tasks []Task, custom []schema.GroupKind) []Stage {
	ordered := make([]*Task, len(tasks))
	for i := range tasks {
		ordered[i] = &tasks[i]
	}
	place := func(t *Task) (stage, rank int) {
		gk := t.Object.GroupVersionKind().GroupKind()
		return stageOf(gk, custom), manifest.Rank(gk)
	}
	slices.SortStableFunc(ordered, func(a, b *Task) int {
		stageA, rankA := place(a)
		stageB, rankB := place(b)
		return cmp.Or(cmp.Compare(stageA, stageB), cmp.Compare(rankA, rankB), manifest.Compare(a.Object, b.Object))
	})
	var stages []Stage
	lastStage, lastRank := -1, -1
	for _, t := range ordered {
		stage, rank := place(t)
		if stage != lastStage {
			stages = append(stages, Stage{Awaited: stage == stageDefinitions || stage == stageClasses})
			lastStage, lastRank = stage, -1
		}
		current := &stages[len(stages)-1]
		if rank != lastRank {
			current.Ranks = append(current.Ranks, nil)
			lastRank = rank
		}
		last := len(current.Ranks) - 1
		current.Ranks[last] = append(current.Ranks[last], t)
	}
	return stages
}
