// Command demo shows the product on one machine: a Kubernetes control plane, a Git server with a sample repository and the
// controllers, all on loopback. It makes a commit and shows how that arrives, and then leaves the stage to whoever watches.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	once := flag.Bool("once", os.Getenv("ONCE") == "1", "end when the change has arrived (or set ONCE=1)")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Stdout, *once)
	interrupted := ctx.Err() != nil
	stop()
	if err != nil && (*once || !interrupted) {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}
