package report

import (
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Introduce writes what is measured and where.
func (r Report) Introduce(to io.Writer) {
	_, _ = fmt.Fprintf(to, "table at %v units of %d objects, scenarios at scale %g, seed %d; %d CPUs (%s), Linux %s, %s, Kubernetes %s\n",
		r.Settings.Units, r.Settings.Objects, r.Settings.Scale, r.Settings.Seed,
		r.Machine.CPUs, r.Machine.Model, r.Machine.Kernel, r.Machine.Go, r.Machine.Kubernetes)
}

// ThisMachine describes where the bench runs, as far as the kernel says.
func ThisMachine(kubernetes string) Machine {
	m := Machine{CPUs: runtime.NumCPU(), Go: runtime.Version(), Kubernetes: kubernetes}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.Kernel = strings.TrimSpace(string(release))
	}
	if info, err := os.ReadFile("/proc/cpuinfo"); err == nil {
		for line := range strings.Lines(string(info)) {
			if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
				m.Model = strings.TrimSpace(value)
				break
			}
		}
	}
	return m
}
