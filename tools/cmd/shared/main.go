// Command shared prints the packages whose tests are worth running under the race
// detector: those with values that several goroutines use, as far as the code
// shows it.
//
// A package is concurrent if a file of it that is not a test starts a goroutine,
// uses a channel, or imports sync, sync/atomic, pkg/parallel or controller-runtime,
// whose workers are goroutines. What a concurrent package imports, directly or by
// others of ours, is shared with it if it can change: if it has a variable that is
// not an error, or a method on a pointer. Packages without tests are left out,
// since there is nothing to run.
//
// Usage: shared ROOT MODULE...
package main

import (
	"fmt"
	"os"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: shared ROOT MODULE...")
		os.Exit(2)
	}
	packages, err := read(os.Args[1], os.Args[2:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "shared:", err)
		os.Exit(1)
	}
	for _, name := range shared(packages) {
		fmt.Println("./" + name)
	}
}
