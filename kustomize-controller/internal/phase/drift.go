package phase

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	logf "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/kustomize-controller/internal/memory"
	"github.com/capstan-gitops/capstan/pkg/apply"
	"github.com/capstan-gitops/capstan/pkg/inventory"
	"github.com/capstan-gitops/capstan/pkg/reconciler"
)

// warns reports that drift is told and left.
func (s *Scope) warns() bool { return s.Object.GetDriftMode() == meta.DriftWarn }

// drifted enters what a pass found to differ and left, and tells what is new.
func (p *Phases) drifted(s *Scope, report apply.Report) {
	if !s.warns() {
		s.Memory.Drift = nil
		p.Drifting(s.Unit, 0)
		return
	}
	drift := maps.Clone(s.Memory.Drift)
	if drift == nil {
		drift = map[inventory.ID]memory.Drift{}
	}
	var told []string
	for _, r := range report.Results {
		if !left(r) {
			delete(drift, r.ID)
			continue
		}
		found := memory.Drift{Since: s.Start, Gone: r.Action == apply.Missing}
		if by := s.Live.Objects[r.ID].By; by != nil {
			found.By = *by
		}
		if before, known := drift[r.ID]; known && before.Gone == found.Gone {
			found.Since = before.Since
		} else {
			told = append(told, found.String(r.ID))
		}
		drift[r.ID] = found
	}
	maps.DeleteFunc(drift, func(id inventory.ID, _ memory.Drift) bool { return !slices.Contains(s.Attempt.Desired, id) })
	s.Memory.Drift = drift
	p.Drifting(s.Unit, len(drift))
	if len(told) > 0 {
		slices.Sort(told)
		s.Tell(reconciler.Note{Severity: reconciler.Error, Reason: meta.ReasonDriftDetected, Message: strings.Join(told, "\n")})
	}
}

// culprits are the lines of an event that say who had changed what was corrected,
// and when.
func (s *Scope) culprits() []string {
	changed := map[inventory.ID]bool{}
	for _, step := range s.Plan.Steps {
		changed[step.ID] = step.Changed
	}
	var lines []string
	for id, verdict := range s.Live.Objects {
		if by := verdict.By; by != nil && by.Manager != "" && !changed[id] {
			lines = append(lines, fmt.Sprintf("%s had been changed by %s at %s", id.Subject(), by, by.Time.UTC().Format(time.RFC3339)))
		}
	}
	slices.Sort(lines)
	return lines
}

// logApplied logs what was applied: each object, or by the gate of the contract
// only how many of each kind.
func (p *Phases) logApplied(ctx context.Context, report apply.Report) {
	output := map[string]string{}
	counts := map[string]map[string]int{}
	for _, r := range report.Results {
		if r.Action == apply.Unchanged {
			continue
		}
		output[r.ID.Subject()] = string(r.Action)
		if counts[string(r.Action)] == nil {
			counts[string(r.Action)] = map[string]int{}
		}
		counts[string(r.Action)][r.ID.GroupKind().String()]++
	}
	switch log := logf.FromContext(ctx); {
	case len(output) == 0:
	case p.Switches.GroupLog:
		log.Info("server-side apply completed", "output", counts)
	default:
		log.Info("server-side apply completed", "output", output)
	}
}
