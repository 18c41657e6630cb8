package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
)

// errMarkers says that a document has no place for what is generated.
var errMarkers = errors.New("the markers of what is generated are not there")

// Replace puts generated text between the two markers of a name, which are comments on lines of their own.
func Replace(document, name, generated string) (string, error) {
	begin, end := "<!-- "+name+": begin -->\n", "<!-- "+name+": end -->\n"
	before, rest, found := strings.Cut(document, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("writing %s: %w", name, errMarkers)
	}
	return before + begin + "\n" + generated + "\n" + end + after, nil
}

// Between returns what stands between the two markers of a name.
func Between(document, name string) (string, error) {
	_, rest, found := strings.Cut(document, "<!-- "+name+": begin -->\n\n")
	text, _, closed := strings.Cut(rest, "\n<!-- "+name+": end -->\n")
	if !found || !closed {
		return "", fmt.Errorf("reading %s: %w", name, errMarkers)
	}
	return text, nil
}

// Catalogue lists cells, without what they measured.
func Catalogue(cells []Cell) string {
	var text strings.Builder
	text.WriteString("| Cell | What happens | With | Targets from |\n|---|---|---|---|\n")
	for _, c := range cells {
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s |\n", c.Name, c.About, c.Shape, c.From)
	}
	return text.String()
}

// Markdown writes what was measured: first what is promised, then the rest.
func (r Report) Markdown() string {
	if len(r.Cells) == 0 {
		return "Nothing yet: this page is set up for the next run.\n"
	}
	var text strings.Builder
	fmt.Fprintf(&text, "On %d CPUs (%s), Linux %s, %s, Kubernetes %s; seed %d, scenarios at scale %g.\n\n",
		r.Machine.CPUs, r.Machine.Model, r.Machine.Kernel, r.Machine.Go, r.Machine.Kubernetes, r.Settings.Seed, r.Settings.Scale)
	judged, met := r.judged()
	fmt.Fprintf(&text, "%d of %d targets are met.\n\n", met, judged)
	text.WriteString("| Cell | K × N | Step | Figure | Target | Measured | Met |\n|---|---|---|---|---|---|---|\n")
	for _, c := range r.Cells {
		for _, s := range c.Steps {
			for _, f := range s.Figures {
				if f.Judged() {
					fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s | %s | %s |\n",
						c.Name, c.size(), s.Name, f.Name, f.Target(), f.Measured(), map[bool]string{true: "yes", false: "**no**"}[f.Met()])
				}
			}
		}
	}
	text.WriteString("\nAlso measured, with nothing promised:\n\n| Cell | K × N | Step | Figures | Control plane |\n|---|---|---|---|---|\n")
	for _, c := range r.Cells {
		for _, s := range c.Steps {
			fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s |\n", c.Name, c.size(), s.Name, s.others(), number(s.Use.ControlPlaneCPU(), "s"))
		}
	}
	return text.String()
}

// size of what was measured.
func (c Cell) size() string {
	if c.Units == 0 {
		return "–"
	}
	return fmt.Sprintf("%d × %d", c.Units, c.Objects)
}

// others are the figures of which nothing is promised.
func (s Step) others() string {
	var parts []string
	for _, f := range s.Figures {
		if !f.Judged() {
			parts = append(parts, f.Name+" "+f.Measured())
		}
	}
	return strings.Join(parts, "; ")
}

func (r Report) judged() (judged, met int) {
	for _, c := range r.Cells {
		for _, s := range c.Steps {
			for _, f := range s.Figures {
				if f.Judged() {
					judged++
				}
				if f.Judged() && f.Met() {
					met++
				}
			}
		}
	}
	return judged, met
}

// ReadJSON reads a report that WriteJSON has written.
func ReadJSON(path string) (Report, error) {
	var r Report
	text, err := os.ReadFile(path)
	if err != nil {
		return r, fmt.Errorf("reading a report: %w", err)
	}
	if err := json.Unmarshal(text, &r); err != nil {
		return r, fmt.Errorf("reading the report %s: %w", path, err)
	}
	return r, nil
}
