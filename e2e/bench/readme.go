package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/capstan-gitops/capstan/devcluster"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

// readmeFile is the README of the bench, below the root of the repository.
const readmeFile = "e2e/bench/README.md"

// writeReadme replaces what is generated in the README. Results of several runs stand one after the other.
func writeReadme(results []string) error {
	var all report.Report
	for i, path := range results {
		one, err := report.ReadJSON(path)
		if err != nil {
			return err
		}
		if i == 0 {
			all = one
			continue
		}
		all.Cells = append(all.Cells, one.Cells...)
	}
	root, err := devcluster.Root()
	if err != nil {
		return err
	}
	path := filepath.Join(root, filepath.FromSlash(readmeFile))
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("reading the README: %w", err)
	}
	generated, err := generate(string(text), all)
	if err != nil {
		return err
	}
	if err := os.WriteFile(path, []byte(generated), 0o644); err != nil { //nolint:gosec // It is to be read by all.
		return fmt.Errorf("writing the README: %w", err)
	}
	return nil
}

func generate(readme string, results report.Report) (string, error) {
	text, err := report.Replace(readme, "cells", report.Catalogue(catalogue()))
	if err != nil {
		return "", err
	}
	return report.Replace(text, "measured", results.Markdown())
}
