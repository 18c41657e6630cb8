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

// rank is a set of tasks that do not wait for each other.
type rank []*Task

// stage is a sequence of ranks that are validated together.
type stage struct {
	ranks []rank
	// awaited says that later stages need what this one applies.
	awaited bool
}

// tasks returns all tasks of the stage in order.
func (s stage) tasks() []*Task {
	var all []*Task
	for _, r := range s.ranks {
		all = append(all, r...)
	}
	return all
}

// placed is a task with its place in the order of applying.
type placed struct {
	*Task
	stage, rank int
}

// order puts tasks in the order of applying. Stages without tasks are left out.
func order(tasks []Task, custom []schema.GroupKind) []stage {
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
	var stages []stage
	lastStage, lastRank := -1, -1
	for _, t := range ordered {
		if t.stage != lastStage {
			stages = append(stages, stage{awaited: t.stage == stageDefinitions || t.stage == stageClasses})
			lastStage, lastRank = t.stage, -1
		}
		current := &stages[len(stages)-1]
		if t.rank != lastRank {
			current.ranks = append(current.ranks, nil)
			lastRank = t.rank
		}
		last := len(current.ranks) - 1
		current.ranks[last] = append(current.ranks[last], t.Task)
	}
	return stages
}
