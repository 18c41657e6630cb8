package features

import (
	kustomizev1 "github.com/capstan-gitops/capstan/apis/kustomize/v1"
	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/e2e/steps"
)

// move is the same story in either order: the one that depends on the other goes second.
func move(name string) Story {
	first, second := "old", "new"
	if name == "move-new-first" {
		first, second = second, first
	}
	return Story{
		Name:   name,
		Folder: "move",
		Title:  "An object that moves between Kustomizations in one commit is not deleted, the " + first + " one going first",
		Rows:   []string{"0-11", "1-42"},
		Labels: []Label{Deletion},
		Run: func(s *steps.Scene) {
			s.Given("two Kustomizations of one repository, of which " + second + " waits for " + first)
			repository := s.Repository("before")
			leader := repository.Sync(first)
			follower := repository.Sync(second, func(k *kustomizev1.Kustomization) {
				k.Spec.DependsOn = []meta.DependencyReference{{Name: first}}
			})
			leader.BecomesReady()
			follower.BecomesReady()
			moved := steps.ConfigMap("moved")
			before := s.UID(moved)

			s.When("one commit moves a file from old to new")
			revision := repository.Commit("after")

			s.Then("the object is the same one, and belongs to new")
			leader.Applies(revision)
			follower.Applies(revision)
			s.Becomes("belongs to new", steps.Correction, moved, func() bool {
				return moved.Labels[kustomizev1.LabelName] == "new"
			})
			s.StaysUnchanged(moved, steps.Quiet)
			s.IsSame(moved, before)
		},
	}
}
