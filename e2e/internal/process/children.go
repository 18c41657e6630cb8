package process

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Fields of /proc/PID/stat behind the name, which stands in parentheses; see proc_pid_stat(5).
const (
	fieldParent        = 1
	fieldWaitedForMiss = 8
	fieldsNeeded       = 9
)

// StartedOthers reports whether the process ever started another. One that still runs, or that ended and was not waited
// for, names it as its parent; one that was waited for has left it its page faults.
func (p *Process) StartedOthers() (bool, error) {
	own, err := stat(strconv.Itoa(p.PID()))
	if err != nil {
		return false, fmt.Errorf("reading what became of children of process %d: %w", p.PID(), err)
	}
	if own[fieldWaitedForMiss] != "0" {
		return true, nil
	}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false, fmt.Errorf("listing processes: %w", err)
	}
	for _, dir := range all {
		other, err := stat(filepath.Base(dir))
		if err == nil && other[fieldParent] == strconv.Itoa(p.PID()) { // An error means that it has ended since.
			return true, nil
		}
	}
	return false, nil
}

func stat(pid string) ([]string, error) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return nil, err
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < fieldsNeeded {
		return nil, fmt.Errorf("/proc/%s/stat has %d fields behind the name", pid, len(fields))
	}
	return fields, nil
}
