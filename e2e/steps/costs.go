package steps

import (
	"slices"
	"time"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// Costs counts what a controller asks of the API server from now on, as the audit log has it.
type Costs struct {
	scene    *Scene
	position world.Position
}

// Costs starts counting.
func (s *Scene) Costs() *Costs {
	s.t.Helper()
	position, err := s.world.Position()
	s.must("starting to count", err)
	return &Costs{scene: s, position: position}
}

// Are checks that a controller has made exactly these requests, leases and watches aside, among those that concern
// objects with one of the names; without names, among all.
func (c *Costs) Are(controller world.Controller, want []string, names ...string) {
	c.scene.t.Helper()
	requests, err := c.scene.world.Since(c.position, controller)
	c.scene.must("reading the audit log", err)
	var got []string
	for _, r := range requests.Work {
		if len(names) == 0 || slices.Contains(names, r.Name) {
			got = append(got, r.String())
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		c.scene.t.Fatalf("%s asked for %q about %q, not for %q; all its requests:\n%s",
			controller, got, names, want, world.Summary(requests.Work))
	}
	c.scene.log("  " + string(controller) + " asked for nothing else")
}

// Pause lets time pass in which nothing is expected of anybody.
func (s *Scene) Pause(d time.Duration) {
	s.t.Helper()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.t.Context().Done():
		s.t.Fatal("the story was ended")
	}
}
