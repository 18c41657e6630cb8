package proc

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: the kernel reports hundredths of a second whatever its own clock is.
const tick = 10 * time.Millisecond

// Usage is what a process has used since it started.
type Usage struct {
	CPU       time.Duration
	RSS       uint64
	RSSPeak   uint64
	StartTime uint64 // in ticks since boot; with the process id it names a process for good
}

// ReadUsage reads the usage of the process with this id.
func ReadUsage(pid int) (Usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	usage, err := parseStat(string(stat))
	if err != nil {
		return Usage{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return Usage{}, fmt.Errorf("reading process %d: %w", pid, err)
	}
	usage.RSS, usage.RSSPeak = parseStatus(string(status))
	return usage, nil
}

// parseStat reads user time, system time and start time: fields 14, 15 and 22 of proc_pid_stat(5).
func parseStat(stat string) (Usage, error) {
	// The name in field 2 may hold spaces and parentheses; the last parenthesis ends it.
	_, rest, found := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return Usage{}, fmt.Errorf("parsing stat: %d fields", len(fields))
	}
	var values [3]uint64
	for i, index := range []int{11, 12, 19} {
		value, err := strconv.ParseUint(fields[index], 10, 64)
		if err != nil {
			return Usage{}, fmt.Errorf("parsing stat: %w", err)
		}
		values[i] = value
	}
	return Usage{CPU: time.Duration(values[0]+values[1]) * tick, StartTime: values[2]}, nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	index := strings.LastIndex(s, sep)
	if index < 0 {
		return s, "", false
	}
	return s[:index], s[index+len(sep):], true
}

// parseStatus reads the resident memory now and at its peak; a process that is just ending has neither.
func parseStatus(status string) (rss, peak uint64) {
	for line := range strings.Lines(status) {
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[2] != "kB" {
			continue
		}
		kib, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			continue
		}
		switch fields[0] {
		case "VmRSS:":
			rss = kib << 10
		case "VmHWM:":
			peak = kib << 10
		}
	}
	return rss, peak
}
