package app

import (
	"errors"
	"fmt"
	"os"

	"github.com/spf13/pflag"
)

// Exit ends the process as a main does: silently after success and after the
// usage was asked for, and with the error otherwise.
func Exit(name string, err error) {
	if err == nil || errors.Is(err, pflag.ErrHelp) {
		os.Exit(0)
	}
	fmt.Fprintf(os.Stderr, "%s: %v\n", name, err)
	os.Exit(1)
}
