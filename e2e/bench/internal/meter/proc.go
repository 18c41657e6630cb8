package meter

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// ticksPerSecond is the unit of the kernel's process table, the same on every Linux that Go runs on.
const ticksPerSecond = 100

// errFormat says that the kernel answered something else than proc(5) describes.
var errFormat = errors.New("the process table has another format than expected")

// cpuTime returns the user and system time that a process has used.
func cpuTime(pid int) (time.Duration, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, err)
	}
	// The name stands in parentheses and may contain anything, also parentheses.
	_, rest, found := strings.Cut(string(content[strings.LastIndexByte(string(content), ')')+1:]), " ")
	fields := strings.Fields(rest)
	const user, system = 11, 12
	if !found || len(fields) <= system {
		return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, errFormat)
	}
	var ticks int64
	for _, field := range []string{fields[user], fields[system]} {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, fmt.Errorf("reading the CPU time of process %d: %w", pid, errFormat)
		}
		ticks += n
	}
	return time.Duration(ticks) * (time.Second / ticksPerSecond), nil
}

// peakMemory returns the most resident memory that a process has had, in bytes.
func peakMemory(pid int) (uint64, error) { return memory(pid, "VmHWM:") }

// memory returns one of the sizes that the kernel reports of a process, in bytes.
func memory(pid int, name string) (uint64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("reading the memory of process %d: %w", pid, err)
	}
	for line := range strings.Lines(string(content)) {
		if rest, ok := strings.CutPrefix(line, name); ok {
			kib, err := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			if err != nil {
				break
			}
			return kib << 10, nil
		}
	}
	return 0, fmt.Errorf("reading the memory of process %d: %w", pid, errFormat)
}
