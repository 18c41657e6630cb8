// Package process runs programs that cannot outlive the program that started them, however that one ends.
//
// Linux sends the signal that a child asked for on the death of its parent when the thread that forked it ends, and Go
// ends threads at will. Everything is therefore forked from one thread, which lives as long as its Group.
package process

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// Spec says what to run. Both output streams are appended to Log.
type Spec struct {
	Path string
	Args []string
	Env  []string
	Dir  string
	Log  string
}

// Group starts processes and takes them along when it is closed or this program dies.
type Group struct {
	orders chan order
}

type order struct {
	spec   Spec
	answer chan<- answer
}

type answer struct {
	process *Process
	err     error
}

// NewGroup returns a group that is to be closed.
func NewGroup() *Group {
	g := &Group{orders: make(chan order)}
	go g.serve()
	return g
}

// serve ends with its thread still locked, so the thread ends too, and the kernel kills what it forked. The first thread of
// a program never ends; what was forked from that one is killed here.
func (g *Group) serve() {
	runtime.LockOSThread()
	var started []*Process
	for o := range g.orders {
		process, err := start(o.spec)
		if err == nil {
			started = append(started, process)
		}
		o.answer <- answer{process, err}
	}
	for _, p := range started {
		_ = p.cmd.Process.Kill() // An error means that it has ended already.
	}
}

// Start starts a process. The group must be open.
func (g *Group) Start(spec Spec) (*Process, error) {
	reply := make(chan answer, 1)
	g.orders <- order{spec, reply}
	a := <-reply
	return a.process, a.err
}

// Close kills the processes that still run.
func (g *Group) Close() { close(g.orders) }

// Process is a program that was started.
type Process struct {
	cmd   *exec.Cmd
	ended chan struct{}
	err   error // set before ended is closed
}

func start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Path, err)
	}
	cmd := exec.Command(spec.Path, spec.Args...) //nolint:noctx // It ends with its group, not with a call.
	cmd.Env, cmd.Dir, cmd.Stdout, cmd.Stderr = spec.Env, spec.Dir, log, log
	// Out of the terminal's foreground group: Ctrl-C is for us, and we decide in which order things stop.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := errors.Join(cmd.Start(), log.Close()); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Path, err)
	}
	p := &Process{cmd: cmd, ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// PID returns the number of the process.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Ended is closed when the process has ended.
func (p *Process) Ended() <-chan struct{} { return p.ended }

// End says how the process ended, once Ended is closed.
func (p *Process) End() string {
	if p.err == nil {
		return "exit status 0"
	}
	return p.err.Error()
}

// Kill ends the process without giving it a say, and returns when it is gone.
func (p *Process) Kill() {
	_ = p.cmd.Process.Kill() // An error means that it has ended already.
	<-p.ended
}

// Stop asks the process to end, kills it if it has not after the grace period, and returns when it is gone.
func (p *Process) Stop(grace time.Duration) {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.NewTimer(grace)
	defer timer.Stop()
	select {
	case <-p.ended:
	case <-timer.C:
		p.Kill()
	}
}
