package proc

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// tailBytes bounds how much of a log is read for an error message.
const tailBytes = 16 << 10

// Process is a child that was started.
type Process struct {
	name string
	log  string
	cmd  *exec.Cmd
	done chan struct{}
	err  error // written before done is closed, read after
}

func (p *Process) wait() {
	p.err = p.cmd.Wait()
	close(p.done)
}

// Name returns the name the process was given.
func (p *Process) Name() string { return p.name }

// PID returns the process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// ExitError describes how the process ended, with the last lines it logged. It must be called after Done is closed.
func (p *Process) ExitError() error {
	how := "exit status 0"
	if p.err != nil {
		how = p.err.Error()
	}
	return fmt.Errorf("%s ended unexpectedly (%s); the end of %s:\n%s", p.name, how, p.log, Tail(p.log, 15))
}

// Signal sends a signal to the process; it is no error if the process has ended.
func (p *Process) Signal(signal syscall.Signal) error {
	if err := p.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("sending %s to %s: %w", signal, p.name, err)
	}
	return nil
}

// Kill kills the process and its group, and waits until it is gone.
func (p *Process) Kill() {
	select {
	case <-p.done:
		return
	default:
	}
	// The group exists as long as its leader has not been reaped, which done reports.
	_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
	<-p.done
}

// Terminate asks the process to end, and kills it when it has not within the grace period.
func (p *Process) Terminate(grace time.Duration) {
	_ = p.Signal(syscall.SIGTERM)
	_ = p.Signal(syscall.SIGCONT) // A paused process would not see the request.
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.done:
	case <-timer.C:
		p.Kill()
	}
}

// Tail returns at most the given number of lines from the end of a file, or a sentence that says why it cannot.
func Tail(path string, lines int) string {
	content, err := readEnd(path)
	if err != nil {
		return "(the log cannot be read: " + err.Error() + ")"
	}
	content = bytes.TrimSpace(content)
	if len(content) == 0 {
		return "(the log is empty)"
	}
	all := strings.Split(string(content), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

func readEnd(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > tailBytes {
		if _, err := file.Seek(-tailBytes, io.SeekEnd); err != nil {
			return nil, err
		}
	}
	return io.ReadAll(io.LimitReader(file, tailBytes))
}
