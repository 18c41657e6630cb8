package port_test

import (
	"context"
	"net"
	"strconv"
	"syscall"
	"testing"

	"github.com/capstan-gitops/capstan/devcluster/internal/port"
)

func listen(ctx context.Context, number int, share bool) (net.Listener, error) {
	config := net.ListenConfig{Control: func(_, _ string, conn syscall.RawConn) error {
		if !share {
			return nil
		}
		var failure error
		err := conn.Control(func(fd uintptr) { failure = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, 0xf, 1) })
		if err != nil {
			return err
		}
		return failure
	}}
	return config.Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(number)))
}

func TestReservedPortIsForThoseWhoShare(t *testing.T) {
	reservation, err := port.Reserve()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = reservation.Close() }()
	if listener, err := listen(t.Context(), reservation.Number(), false); err == nil {
		_ = listener.Close()
		t.Error("a stranger could listen on the reserved port")
	}
	listener, err := listen(t.Context(), reservation.Number(), true)
	if err != nil {
		t.Fatalf("our child could not listen on the reserved port: %v", err)
	}
	_ = listener.Close()
}

func TestReservationsDiffer(t *testing.T) {
	seen := map[int]bool{}
	for range 200 {
		reservation, err := port.Reserve()
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = reservation.Close() }()
		if seen[reservation.Number()] {
			t.Fatalf("port %d was given out twice", reservation.Number())
		}
		seen[reservation.Number()] = true
	}
}
