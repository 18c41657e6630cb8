package meter

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// Meter measures a world.
type Meter struct {
	world       *world.World
	controllers []world.Controller
}

// New returns a meter of these controllers.
func New(w *world.World, controllers []world.Controller) *Meter {
	return &Meter{world: w, controllers: controllers}
}

// Use is what was used in a window.
type Use struct {
	// Requests are the controllers' requests, most frequent first, without leases and watches.
	Requests []Request `json:"requests"`
	// Leases and Watches are counted apart: they are standing costs.
	Leases  int `json:"leases"`
	Watches int `json:"watches"`
	// Passes counts the reconciles, per kind.
	Passes map[string]int `json:"passes"`
	// Controllers and ControlPlane are CPU seconds.
	Controllers  map[string]float64 `json:"controllersCPU"`
	ControlPlane map[string]float64 `json:"controlPlaneCPU"`
	// PeakMiB is the most resident memory since a controller started.
	PeakMiB map[string]float64 `json:"peakMiB"`
}

// Request says how often something was asked for.
type Request struct {
	User  string `json:"user"`
	What  string `json:"what"`
	Count int    `json:"count"`
}

// Total returns the number of requests.
func (u *Use) Total() int {
	total := 0
	for _, r := range u.Requests {
		total += r.Count
	}
	return total
}

// TotalOf returns the number of requests of one controller.
func (u *Use) TotalOf(c world.Controller) int {
	total := 0
	for _, r := range u.Requests {
		if r.User == string(c) {
			total += r.Count
		}
	}
	return total
}

// Verbs counts the requests by verb; a dry run is a verb of its own.
func (u *Use) Verbs() map[string]int {
	counts := map[string]int{}
	for _, r := range u.Requests {
		verb, what, _ := strings.Cut(r.What, " ")
		if strings.HasSuffix(what, "(dry run)") {
			verb += " (dry run)"
		}
		counts[verb] += r.Count
	}
	return counts
}

// Of counts the requests that ask for exactly this: "get configmaps".
func (u *Use) Of(what string) int {
	total := 0
	for _, r := range u.Requests {
		if r.What == what {
			total += r.Count
		}
	}
	return total
}

// CPU returns the CPU seconds of all controllers.
func (u *Use) CPU() float64 { return sum(u.Controllers) }

// ControlPlaneCPU returns the CPU seconds of the control plane.
func (u *Use) ControlPlaneCPU() float64 { return sum(u.ControlPlane) }

// Peak returns the most memory of all controllers in MiB.
func (u *Use) Peak() float64 { return sum(u.PeakMiB) }

func sum(values map[string]float64) float64 {
	total := 0.0
	for _, v := range values {
		total += v
	}
	return total
}

// Window is open from Begin to End.
type Window struct {
	meter    *Meter
	position world.Position
	process  map[world.Controller]reading
	plane    map[string]time.Duration
	passes   map[world.Controller]map[string]int
}

type reading struct {
	pid int
	cpu time.Duration
}

// Begin opens a window.
func (m *Meter) Begin(ctx context.Context) (*Window, error) {
	w := &Window{meter: m, passes: map[world.Controller]map[string]int{}}
	var err error
	for _, c := range m.controllers {
		if w.passes[c], err = m.passes(ctx, c); err != nil {
			return nil, err
		}
	}
	if w.process, err = m.processes(); err != nil {
		return nil, err
	}
	if w.plane, err = m.plane(); err != nil {
		return nil, err
	}
	w.position, err = m.world.Position()
	return w, err
}

// End closes the window. A controller that was started again in between counts from its start; what the killed one had
// used since Begin is lost.
func (w *Window) End(ctx context.Context) (Use, error) {
	use := Use{
		Passes: map[string]int{}, Controllers: map[string]float64{},
		ControlPlane: map[string]float64{}, PeakMiB: map[string]float64{},
	}
	process, err := w.meter.processes()
	if err != nil {
		return Use{}, err
	}
	for c, now := range process {
		if before := w.process[c]; before.pid == now.pid {
			now.cpu -= before.cpu
		} else {
			w.passes[c] = nil
		}
		use.Controllers[string(c)] = now.cpu.Seconds()
		peak, err := peakMemory(now.pid)
		if err != nil {
			return Use{}, err
		}
		use.PeakMiB[string(c)] = float64(peak) / (1 << 20)
	}
	plane, err := w.meter.plane()
	if err != nil {
		return Use{}, err
	}
	for name, cpu := range plane {
		use.ControlPlane[name] = (cpu - w.plane[name]).Seconds()
	}
	return use, w.count(ctx, &use)
}

// count adds requests and passes.
func (w *Window) count(ctx context.Context, use *Use) error {
	counts := map[Request]int{}
	for _, c := range w.meter.controllers {
		requests, err := w.meter.world.Since(w.position, c)
		if err != nil {
			return err
		}
		for _, r := range requests.Work {
			counts[Request{User: string(c), What: r.String()}]++
		}
		use.Leases += len(requests.Leases)
		use.Watches += len(requests.Watches)
		passes, err := w.meter.passes(ctx, c)
		if err != nil {
			return err
		}
		for kind, n := range passes {
			use.Passes[kind] = n - w.passes[c][kind]
		}
	}
	for r, n := range counts {
		r.Count = n
		use.Requests = append(use.Requests, r)
	}
	slices.SortFunc(use.Requests, func(a, b Request) int {
		return cmp.Or(b.Count-a.Count, cmp.Compare(a.User, b.User), cmp.Compare(a.What, b.What))
	})
	return nil
}

func (m *Meter) processes() (map[world.Controller]reading, error) {
	all := map[world.Controller]reading{}
	for _, c := range m.controllers {
		pid, ok := m.world.PID(c)
		if !ok {
			return nil, fmt.Errorf("reading what %s uses: it does not run in this world", c)
		}
		cpu, err := cpuTime(pid)
		if err != nil {
			return nil, err
		}
		all[c] = reading{pid, cpu}
	}
	return all, nil
}

func (m *Meter) plane() (map[string]time.Duration, error) {
	usage, err := m.world.Cluster().Usage()
	if err != nil {
		return nil, err
	}
	all := map[string]time.Duration{}
	for _, u := range usage {
		all[string(u.Component)] = u.CPU
	}
	return all, nil
}

// Median returns the median of each number over several windows of the same kind.
func Median(uses []Use) Use {
	middle := uses[len(uses)/2]
	for _, u := range uses {
		if u.Total() > middle.Total() { // What was asked is shown in full for the costliest.
			middle.Requests = u.Requests
		}
		for name, mib := range u.PeakMiB {
			middle.PeakMiB[name] = max(middle.PeakMiB[name], mib)
		}
	}
	for _, name := range slices.Collect(maps.Keys(middle.Controllers)) {
		middle.Controllers[name] = median(uses, func(u Use) float64 { return u.Controllers[name] })
	}
	for _, name := range slices.Collect(maps.Keys(middle.ControlPlane)) {
		middle.ControlPlane[name] = median(uses, func(u Use) float64 { return u.ControlPlane[name] })
	}
	return middle
}

func median(uses []Use, of func(Use) float64) float64 {
	values := make([]float64, 0, len(uses))
	for _, u := range uses {
		values = append(values, of(u))
	}
	slices.Sort(values)
	return values[len(values)/2]
}
