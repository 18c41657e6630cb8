package steps

import (
	"bufio"
	"net/http"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// passes is the metric that counts how often a controller looked at an object.
const passes = "controller_runtime_reconcile_total{"

// Ticks returns how often a controller has looked at any object so far.
func (s *Scene) Ticks(c world.Controller) float64 {
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
		if len(fields) != 2 || !strings.HasPrefix(fields[0], passes) {
			continue
		}
		value, err := strconv.ParseFloat(fields[1], 64)
		s.must("reading metrics", err)
		total += value
	}
	s.must("reading metrics", lines.Err())
	return total
}

// Ticked checks that a controller has looked at objects since: what costs nothing must not have been left undone.
func (s *Scene) Ticked(c world.Controller, since float64) {
	s.t.Helper()
	if now := s.Ticks(c); now <= since {
		s.t.Fatalf("%s has looked at nothing: it counted %.0f passes before and %.0f after", c, since, now)
	}
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
