package meter

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// Memory is what a controller holds, in bytes.
type Memory struct {
	// Heap is what is alive after a collection; Resident is what the kernel counts.
	Heap, Resident uint64
}

// Memory collects the garbage of a controller and reads what it holds.
func (m *Meter) Memory(ctx context.Context, c world.Controller) (Memory, error) {
	pid, ok := m.world.PID(c)
	if !ok {
		return Memory{}, fmt.Errorf("reading what %s holds: it does not run in this world", c)
	}
	var held Memory
	address := strings.TrimSuffix(m.world.MetricsURL(c), "/metrics") + "/debug/pprof/heap?gc=1&debug=1"
	err := get(ctx, address, func(body io.Reader) (err error) {
		held.Heap, err = heapOf(body)
		return err
	})
	if err != nil {
		return Memory{}, fmt.Errorf("reading what %s holds: %w", c, err)
	}
	held.Resident, err = memory(pid, "VmRSS:")
	return held, err
}

// heapOf reads the statistics that stand at the end of a heap profile as text.
func heapOf(profile io.Reader) (uint64, error) {
	lines := bufio.NewScanner(profile)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if value, ok := strings.CutPrefix(lines.Text(), "# HeapAlloc = "); ok {
			return strconv.ParseUint(value, 10, 64)
		}
	}
	if err := lines.Err(); err != nil {
		return 0, err
	}
	return 0, errFormat
}
