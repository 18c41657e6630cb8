package proxy_test

import (
	"bufio"
	"io"
	"net"
	"testing"
	"time"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/proxy"
)

// echo answers every line with itself.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func TestProxy(t *testing.T) {
	const delay = 20 * time.Millisecond
	p, err := proxy.Start(echo(t), delay)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", p.Address())
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(conn)
	began := time.Now()
	for range 3 { // They are under way at the same time.
		if _, err := io.WriteString(conn, "hello\n"); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		if line, err := lines.ReadString('\n'); err != nil || line != "hello\n" {
			t.Fatalf("the answer is %q, %v", line, err)
		}
	}
	if took := time.Since(began); took < 2*delay || took > 1500*time.Millisecond {
		t.Errorf("three lines took %s there and back, want %s or little more, because they wait together", took, 2*delay)
	}
	if s := p.Stats(); s.Open != 1 || s.Most != 1 || s.Total != 1 || s.Sent != 18 || s.Received != 18 {
		t.Errorf("the proxy has seen %+v", s)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	if _, err := lines.ReadString('\n'); err == nil {
		t.Error("a connection outlives its proxy")
	}
	if s := p.Stats(); s.Open != 0 {
		t.Errorf("%d connections are open after the end", s.Open)
	}
}
