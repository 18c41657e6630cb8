// Package port reserves TCP ports on loopback for processes that are started later.
//
// Closing a probe socket and hoping that its port stays free is a race that parallel tests lose. A reservation keeps the
// port bound, without listening on it, with SO_REUSEPORT: the kernel gives the port to nobody else, and a child of the
// same user that sets the option too may bind and listen on it.
package port

import (
	"fmt"
	"syscall"
)

// soReusePort is SO_REUSEPORT on Linux, which package syscall lacks on some architectures.
const soReusePort = 0xf

// Reservation is a TCP port on 127.0.0.1 that is held until Close.
type Reservation struct {
	fd     int
	number int
}

// Reserve takes a random free port.
func Reserve() (*Reservation, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a socket: %w", err)
	}
	number, err := bind(fd)
	if err != nil {
		_ = syscall.Close(fd)
		return nil, err
	}
	return &Reservation{fd: fd, number: number}, nil
}

func bind(fd int) (int, error) {
	if err := syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, soReusePort, 1); err != nil {
		return 0, fmt.Errorf("allowing the port to be shared: %w", err)
	}
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		return 0, fmt.Errorf("binding a free port: %w", err)
	}
	address, err := syscall.Getsockname(fd)
	if err != nil {
		return 0, fmt.Errorf("reading the port bound: %w", err)
	}
	inet, ok := address.(*syscall.SockaddrInet4)
	if !ok {
		return 0, fmt.Errorf("reading the port bound: unexpected address %T", address)
	}
	return inet.Port, nil
}

// Number returns the port.
func (r *Reservation) Number() int { return r.number }

// Close gives the port back.
func (r *Reservation) Close() error {
	if err := syscall.Close(r.fd); err != nil {
		return fmt.Errorf("releasing port %d: %w", r.number, err)
	}
	return nil
}
