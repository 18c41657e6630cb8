// Package proc runs child processes that cannot outlive the process that started them.
//
// Linux ties the parent-death signal of a child to the thread that forked it, and the Go runtime ends threads as it likes.
// All children of a Spawner are therefore forked from one thread that is kept for that purpose alone.
package proc

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// Spec says what to run. Both output streams go to the file Log, which begins anew.
type Spec struct {
	Name string
	Path string
	Args []string
	Dir  string
	Env  []string
	Log  string
}

// Spawner starts processes that are killed when this process dies, even by SIGKILL.
type Spawner struct {
	requests chan request
}

type request struct {
	spec  Spec
	reply chan reply
}

type reply struct {
	process *Process
	err     error
}

// NewSpawner keeps a thread for starting children until Close.
func NewSpawner() *Spawner {
	s := &Spawner{requests: make(chan request)}
	go s.run()
	return s
}

// run never unlocks its thread: when it returns, the runtime ends the thread, and what still runs is killed with it.
func (s *Spawner) run() {
	runtime.LockOSThread()
	for req := range s.requests {
		process, err := start(req.spec)
		req.reply <- reply{process: process, err: err}
	}
}

// Start starts a process. It must not be called after Close.
func (s *Spawner) Start(spec Spec) (*Process, error) {
	req := request{spec: spec, reply: make(chan reply, 1)}
	s.requests <- req
	answer := <-req.reply
	return answer.process, answer.err
}

// Close ends the thread, and with it every process that has not been stopped.
func (s *Spawner) Close() { close(s.requests) }

func start(spec Spec) (*Process, error) {
	log, err := os.OpenFile(spec.Log, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the log of %s: %w", spec.Name, err)
	}
	defer func() { _ = log.Close() }() // The child has its own descriptor.

	cmd := exec.Command(spec.Path, spec.Args...) //nolint:noctx // The process ends by Stop or with us, not with a context.
	cmd.Dir, cmd.Env = spec.Dir, spec.Env
	cmd.Stdout, cmd.Stderr = log, log
	// A group of its own keeps an interrupt at the terminal from reaching the child before we have decided what stops first.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", spec.Name, err)
	}
	p := &Process{name: spec.Name, log: spec.Log, cmd: cmd, done: make(chan struct{})}
	go p.wait()
	return p, nil
}
