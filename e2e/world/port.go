package world

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
)

// Ports are taken from below those that the kernel gives to outgoing connections: a controller that is started again
// finds its ports free.
const (
	firstPort = 20000
	lastPort  = 31999
	attempts  = 100
)

// freePort returns a port of loopback that nobody listens on.
func freePort() (int, error) {
	for range attempts {
		port := firstPort + rand.IntN(lastPort-firstPort+1)
		listener, err := net.Listen("tcp", loopback(port)) //nolint:noctx // It is closed at once.
		if err != nil {
			continue
		}
		if err := listener.Close(); err != nil {
			return 0, fmt.Errorf("looking for a free port: %w", err)
		}
		return port, nil
	}
	return 0, errors.New("looking for a free port: all that were tried are taken")
}
