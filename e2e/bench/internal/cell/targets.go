package cell

import "github.com/capstan-gitops/capstan/e2e/bench/internal/report"

// The targets of the engine for 300 units of 4 objects on 2 cores. Times are in milliseconds, CPU
// in seconds, memory in MiB.
const (
	installWall, installRequests, installCPU = 14000, 3700, 7
	noopWall, noopRequests, noopCPU          = 2000, 330, 1
	tickRequests                             = 0
	commitApplied, commitAll                 = 600, 2500
	commitRequests, commitCPU                = 340, 1.5
	restartBusy, restartRequests, restartCPU = 2500, 60, 1.5
	memory                                   = 180

	// atUnits and atObjects are what they are for.
	atUnits, atObjects = 300, 4
	// requestsBeside are the requests of a pass that do not come with units: they do not grow.
	noopBeside, commitBeside = noopRequests - atUnits, commitRequests - atUnits
	// perObject is what an object costs that is installed: a validation and an apply.
	perObject = 2
)

// targets are those of the engine for another number of units and objects.
type targets struct{ units, objects int }

// grown is a target for time or CPU: more units may cost in proportion; fewer must only not cost more.
func (t targets) grown(limit float64) float64 {
	return limit * max(1, float64(t.units)/atUnits)
}

// installWork is a target for time or CPU of an installation, which grows with the objects.
func (t targets) installWork(limit float64) float64 {
	return limit * max(1, float64(t.units*t.objects)/(atUnits*atObjects))
}

// installRequests grow with the units and their objects.
func (t targets) installRequests() float64 {
	const beside = installRequests - perObject*atUnits*atObjects
	return perObject*float64(t.units*t.objects) + beside*float64(t.units)/atUnits
}

// perUnit is a target for requests of which every unit makes one.
func (t targets) perUnit(beside int) float64 { return float64(t.units + beside) }

// peak is what source and kustomize may hold at most. Nothing is promised for more units than the table has.
func (t targets) peak(mib float64) report.Figure {
	const name = "peak memory of source + kustomize"
	if t.units > atUnits || t.objects > atObjects {
		return report.Of(name, mib, "MiB")
	}
	return report.AtMost(name, mib, "MiB", memory)
}
