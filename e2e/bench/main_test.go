package main

import (
	"os"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
)

func TestCellsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, g := range groups() {
		for _, c := range g.cells {
			if c.Name == "" || c.About == "" || c.From == "" || c.Run == nil || seen[c.Name] || seen[g.name] {
				t.Errorf("cell %q is incomplete or listed twice", c.Name)
			}
			seen[c.Name] = true
			if own := c.Setup != nil; own == (g.name == tableGroup) {
				t.Errorf("cell %s of %s has a setup of its own: %t, because only the table is measured at each size", c.Name, g.name, own)
			}
		}
	}
}

func TestParse(t *testing.T) {
	cases := map[string]struct {
		args []string
		runs []string // with the number of units where the table is concerned
		why  string
	}{
		"TableAtTwoSizes": {
			[]string{"-k", "5,7", "-cells", "noop,install"}, []string{"install 5", "noop 5", "install 7", "noop 7"},
			"cells keep their order, and every size has its turn",
		},
		"Scenario": {[]string{"-cells", "s22", "-scale", "0.1"}, []string{"s22 50"}, "a scenario has a size, which is scaled"},
		"Unknown":  {[]string{"-cells", "s99"}, nil, "there is no such cell"},
		"NoUnits":  {[]string{"-k", "0"}, nil, "nothing cannot be measured"},
		"NotALot":  {[]string{"-k", "many"}, nil, "it is not a number"},
		"NoScale":  {[]string{"-scale", "0"}, nil, "nothing cannot be measured"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o, err := parse(tc.args)
			if (err != nil) != (tc.runs == nil) {
				t.Fatalf("reading %v: %v, because %s", tc.args, err, tc.why)
			}
			if err != nil {
				return
			}
			var runs []string
			for _, p := range o.plan() {
				runs = append(runs, p.cell.Name+" "+strconv.Itoa(p.setup.Shape.Units))
			}
			if diff := cmp.Diff(tc.runs, runs); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.why, diff)
			}
		})
	}
}

// TestReadme fails when a cell has changed and the README has not been generated since.
func TestReadme(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	got, err := report.Between(string(text), "cells")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(report.Catalogue(catalogue()), got); diff != "" {
		t.Errorf("the README lists other cells (-want +got):\n%s", diff)
	}
	if _, err := report.Between(string(text), "measured"); err != nil {
		t.Error(err)
	}
}
