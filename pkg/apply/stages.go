package apply

import (
	"cmp"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/capstan-gitops/capstan/pkg/apply/await"
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
	case gk == await.Definition, gk == schema.GroupKind{Kind: "Namespace"},
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

// placed is a task with its place in the order of applying.
type placed struct {
	*Task
	stage, rank int
}

// Stages puts tasks in the order of applying. Stages without tasks are left out.
func Stages(tasks []Task, custom []schema.GroupKind) []Stage {
	ordered := make([]placed, len(tasks))
	for i := range tasks {
		gk := tasks[i].Object.GroupVersionKind().GroupKind()
		ordered[i] = placed{Task: &tasks[i], stage: stageOf(gk, custom), rank: manifest.Rank(gk)}
	}
	slices.SortStableFunc(ordered, func(a, b placed) int {
		if by := cmp.Or(cmp.Compare(a.stage, b.stage), cmp.Compare(a.rank, b.rank)); by != 0 {
			return by
		}
		return manifest.Compare(a.Object, b.Object)
	})
	var stages []Stage
	lastStage, lastRank := -1, -1
	for _, t := range ordered {
		if t.stage != lastStage {
			stages = append(stages, Stage{Awaited: t.stage == stageDefinitions || t.stage == stageClasses})
			lastStage, lastRank = t.stage, -1
		}
		current := &stages[len(stages)-1]
		if t.rank != lastRank {
			current.Ranks = append(current.Ranks, nil)
			lastRank = t.rank
		}
		last := len(current.Ranks) - 1
		current.Ranks[last] = append(current.Ranks[last], t.Task)
	}
	return stages
}
