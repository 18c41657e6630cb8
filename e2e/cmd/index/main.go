// Command index writes the index of stories into the README of this module. It is run from the module's folder.
package main

import (
	"fmt"
	"os"

	"github.com/capstan-gitops/capstan/e2e/features"
)

const page = "README.md"

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "index:", err)
		os.Exit(1)
	}
}

func run() error {
	content, err := os.ReadFile(page)
	if err != nil {
		return fmt.Errorf("reading the page: %w", err)
	}
	written, err := features.WithIndex(string(content))
	if err != nil {
		return err
	}
	if err := os.WriteFile(page, []byte(written), 0o600); err != nil {
		return fmt.Errorf("writing the page: %w", err)
	}
	return nil
}
