package steps

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/world"
)

const (
	// passes is the metric that counts how often a controller looked at an object.
	passes = "controller_runtime_reconcile_total{"
	// drifted is the metric that says how many objects of a Kustomization differ and are left so.
	drifted = "capstan_drifted_objects{"
)

// Ticks returns how often a controller has looked at any object so far.
func (s *Scene) Ticks(c world.Controller) float64 {
	s.t.Helper()
	return s.metric(c, passes)
}

// Ticked checks that a controller has looked at objects since: what costs nothing must not have been left undone.
func (s *Scene) Ticked(c world.Controller, since float64) {
	s.t.Helper()
	if now := s.Ticks(c); now <= since {
		s.t.Fatalf("%s has looked at nothing: it counted %.0f passes before and %.0f after", c, since, now)
	}
}

// CountsDrifted checks how many drifted objects of the Kustomization the metric shows.
func (k *Kustomization) CountsDrifted(want float64) {
	k.scene.t.Helper()
	if got := k.scene.metric(world.Kustomize, drifted, `name="`+k.obj.Name+`"`, `namespace="`+k.obj.Namespace+`"`); got != want {
		k.scene.t.Fatalf("the metric shows %.0f drifted objects of Kustomization %s, not %.0f", got, k.obj.Name, want)
	}
}

// metric returns the sum of a metric over all series with the labels.
func (s *Scene) metric(c world.Controller, name string, labels ...string) float64 {
	s.t.Helper()
	request, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.world.MetricsURL(c), nil)
	s.must("reading metrics", err)
	response, err := http.DefaultClient.Do(request)
	s.must("reading metrics", err)
	defer func() { _ = response.Body.Close() }()
	var total float64
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 2 || !strings.HasPrefix(fields[0], name) || !containsAll(fields[0], labels) {
			continue
		}
		value, err := strconv.ParseFloat(fields[1], 64)
		s.must("reading metrics", err)
		total += value
	}
	s.must("reading metrics", lines.Err())
	return total
}

// Asked returns how often the Git server was asked for references so far.
func (s *Scene) Asked() int { return s.world.Git.Stats().Advertisements }

// WasAsked checks that the Git server was asked for references since.
func (s *Scene) WasAsked(since int) {
	s.t.Helper()
	if s.Asked() <= since {
		s.t.Fatal("the source was not looked at, although its interval has passed")
	}
}
