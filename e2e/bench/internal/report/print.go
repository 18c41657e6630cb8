package report

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/meter"
)

// shownRequests is how many kinds of requests the table shows per step; JSON has them all.
const shownRequests = 8

// Print writes a cell as a table.
func (c Cell) Print(to io.Writer) error {
	table := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintf(table, "\n%s (%s): %s\n", c.Name, c.Shape, c.About)
	_, _ = fmt.Fprintln(table, "step\tfigure\tmeasured\ttarget\tmet")
	for _, step := range c.Steps {
		for _, f := range slices.Concat(step.Figures, standing(step.Use)) {
			met := ""
			if f.Judged() {
				met = map[bool]string{true: "yes", false: "NO"}[f.Met()]
			}
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", step.Name, f.Name, f.Measured(), f.Target(), met)
		}
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("printing %s: %w", c.Name, err)
	}
	for _, step := range c.Steps {
		if opened(step.Use) {
			details(to, step)
		}
	}
	return nil
}

// standing are the figures that every step has, if it was a window.
func standing(u meter.Use) []Figure {
	if !opened(u) {
		return nil
	}
	return []Figure{
		Of("CPU of the control plane", u.ControlPlaneCPU(), "s"),
		Of("lease requests", float64(u.Leases), ""),
		Of("watch requests", float64(u.Watches), ""),
	}
}

// opened reports that there was a window; a step that compares others has none.
func opened(u meter.Use) bool { return u.Controllers != nil || u.Requests != nil }

func details(to io.Writer, step Step) {
	u := step.Use
	_, _ = fmt.Fprintf(to, "  %s: CPU %s; control plane %s; peak memory in MiB %s; passes %v\n",
		step.Name, values(u.Controllers), values(u.ControlPlane), values(u.PeakMiB), u.Passes)
	if verbs := u.Verbs(); len(verbs) > 0 {
		_, _ = fmt.Fprintf(to, "    %d requests: %s\n", u.Total(), counts(verbs))
	}
	for i, r := range u.Requests {
		if i == shownRequests {
			_, _ = fmt.Fprintf(to, "    and %d more kinds of requests\n", len(u.Requests)-i)
			break
		}
		_, _ = fmt.Fprintf(to, "    %6d %s: %s\n", r.Count, r.User, r.What)
	}
}

func values(of map[string]float64) string {
	parts := make([]string, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %.2f", name, of[name]))
	}
	return strings.Join(parts, ", ")
}

func counts(of map[string]int) string {
	parts := make([]string, 0, len(of))
	for _, name := range slices.Sorted(maps.Keys(of)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, of[name]))
	}
	return strings.Join(parts, ", ")
}

func number(value float64, unit string) string {
	digits := 2
	if unit == "" || unit == "ms" || unit == "MiB" || unit == "bytes" || unit == "%" || unit == "objects/s" {
		digits = 0
	}
	return strings.TrimSpace(strconv.FormatFloat(value, 'f', digits, 64) + " " + unit)
}

// Missed lists the figures that are not what was promised.
func (r Report) Missed(to io.Writer) {
	for _, c := range r.Cells {
		for _, s := range c.Steps {
			for _, f := range s.Figures {
				if !f.Met() {
					_, _ = fmt.Fprintf(to, "not met: %s at %d, %s: %s is %s, target %s\n",
						c.Name, c.Units, s.Name, f.Name, f.Measured(), f.Target())
				}
			}
		}
	}
}

// WriteJSON writes the report into a file.
func (r Report) WriteJSON(path string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	if err := os.WriteFile(path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
