package main

import (
	"errors"
	"flag"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/cell"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/fleet"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/mechanism"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/report"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/rig"
	"github.com/capstan-gitops/capstan/e2e/bench/internal/scenario"
)

type options struct {
	report.Settings
	chosen   []string // names of cells
	json     string
	profiles string
	readme   []string // results to write into the README
	list     bool
}

// Groups of cells that can be chosen by one name.
const (
	tableGroup    = "table"
	variantGroup  = "variants"
	scenarioGroup = "scenarios"
	// mechanismGroup is measured when it is asked for only.
	mechanismGroup = "mechanisms"
)

// groups returns all cells by group, in the order in which they are run.
func groups() []struct {
	name  string
	cells []rig.Cell
} {
	return []struct {
		name  string
		cells []rig.Cell
	}{{tableGroup, cell.All()}, {variantGroup, cell.Variants()}, {scenarioGroup, scenario.All()}, {mechanismGroup, mechanism.All()}}
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	units := flags.String("k", "100,300,1000", "the numbers of units of the table")
	flags.IntVar(&o.Objects, "n", 4, "the number of objects per unit of the table")
	flags.Float64Var(&o.Scale, "scale", 1, "how large scenarios and variants are; targets are for 1")
	flags.Uint64Var(&o.Seed, "seed", 1, "decides which units are touched")
	chosen := flags.String("cells", strings.Join([]string{tableGroup, variantGroup, scenarioGroup}, ","), "the cells to run, or groups of them")
	flags.StringVar(&o.json, "json", "", "a file to write the report to, after every cell")
	flags.StringVar(&o.profiles, "profile", "", "a folder for CPU and heap profiles of every step, which cost some CPU, and for the audit log and the controllers' logs")
	readme := flags.String("readme", "", "measure nothing and write these results, which -json has written, into the README")
	flags.BoolVar(&o.list, "list", false, "measure nothing and list the cells")
	if err := flags.Parse(args); err != nil {
		return o, err
	}
	if *readme != "" {
		o.readme = strings.Split(*readme, ",")
	}
	var err error
	if o.chosen, err = choose(*chosen); err != nil {
		return o, fmt.Errorf("reading -cells: %w", err)
	}
	if o.Units, err = numbers(*units); err != nil {
		return o, fmt.Errorf("reading -k: %w", err)
	}
	if o.Objects < 1 || o.Scale <= 0 {
		return o, errors.New("reading -n and -scale: both must be more than nothing")
	}
	return o, nil
}

// choose resolves names of cells and groups.
func choose(list string) ([]string, error) {
	var chosen, known []string
	byName := map[string][]string{}
	for _, g := range groups() {
		known = append(known, g.name)
		for _, c := range g.cells {
			known = append(known, c.Name)
			byName[c.Name] = []string{c.Name}
			byName[g.name] = append(byName[g.name], c.Name)
		}
	}
	for name := range strings.SplitSeq(list, ",") {
		names, ok := byName[name]
		if !ok {
			return nil, fmt.Errorf("there is no cell %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, names...)
	}
	return chosen, nil
}

func numbers(list string) ([]int, error) {
	var all []int
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is not a number of units", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// planned is a cell and the world that it needs.
type planned struct {
	cell  rig.Cell
	setup rig.Setup
}

// plan returns what is to be run. The table comes first, a world for each number of units.
func (o options) plan() []planned {
	var plan []planned
	for _, units := range o.Units {
		for _, c := range cell.All() {
			if slices.Contains(o.chosen, c.Name) {
				plan = append(plan, planned{c, rig.Setup{Shape: fleet.Shape{Units: units, Objects: o.Objects}}})
			}
		}
	}
	for _, c := range slices.Concat(cell.Variants(), scenario.All(), mechanism.All()) {
		if slices.Contains(o.chosen, c.Name) {
			plan = append(plan, planned{c, c.Setup(rig.Scale(o.Scale))})
		}
	}
	return plan
}

// catalogue returns all cells as the README lists them.
func catalogue() []report.Cell {
	var all []report.Cell
	for _, g := range groups() {
		for _, c := range g.cells {
			entry := report.Cell{Name: c.Name, About: c.About, From: c.From, Shape: "K units of N objects"}
			if c.Setup != nil {
				entry.Shape = c.Setup(1).Shape.String()
			}
			all = append(all, entry)
		}
	}
	return all
}
