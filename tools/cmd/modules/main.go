// Command modules checks what the modules of the workspace require: that the
// workspace and each module on its own choose the same version of every direct
// requirement, and that everything linked into a binary has a licence that lets us
// ship it.
//
// Usage: modules ROOT MODULE...
package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: modules ROOT MODULE...")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(root string, modules []string) error {
	var failures []error
	for _, module := range modules {
		folder := filepath.Join(root, module)
		failures = append(failures, versions(folder, module), licences(folder, module))
	}
	return errors.Join(failures...)
}

// list asks the go command, inside the workspace or outside of it.
func list(folder, work string, args ...string) ([]string, error) {
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir, cmd.Stderr = folder, os.Stderr
	cmd.Env = append(os.Environ(), "GOWORK="+work)
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("listing with go list %s in %s: %w", strings.Join(args, " "), folder, err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n"), nil
}

// versions compares the direct requirements of a module, alone and in the workspace.
func versions(folder, module string) error {
	const format = "{{if not (or .Main .Indirect .Replace)}}{{.Path}} {{.Version}}{{end}}"
	alone, err := list(folder, "off", "-m", "-f", format, "all")
	if err != nil {
		return err
	}
	together, err := list(folder, "", "-m", "-f", "{{if not .Main}}{{.Path}} {{.Version}}{{end}}", "all")
	if err != nil {
		return err
	}
	return differ(module, alone, together)
}

// differ names the requirements whose versions are not the same.
func differ(module string, alone, together []string) error {
	chosen := map[string]string{}
	for _, line := range together {
		name, version, _ := strings.Cut(line, " ")
		chosen[name] = version
	}
	var failures []error
	for _, line := range alone {
		name, version, _ := strings.Cut(line, " ")
		if name != "" && chosen[name] != version {
			failures = append(failures, fmt.Errorf("%s requires %s %s, the workspace chooses %s; require that", module, name, version, chosen[name]))
		}
	}
	return errors.Join(failures...)
}

// licences looks at the licence of every module that code which is not a test needs.
func licences(folder, module string) error {
	const format = "{{with .Module}}{{if and .Version .Dir}}{{.Path}} {{.Dir}}{{end}}{{end}}"
	lines, err := list(folder, "", "-deps", "-f", format, "./...")
	if err != nil {
		return err
	}
	slices.Sort(lines)
	var failures []error
	for _, line := range slices.Compact(lines) {
		name, dir, ok := strings.Cut(line, " ")
		if !ok {
			continue
		}
		text, err := licenceText(dir)
		if err == nil && family(text) == "" {
			err = errors.New("its licence is of no family that tools/cmd/modules allows")
		}
		if err != nil {
			failures = append(failures, fmt.Errorf("%s needs %s: %w", module, name, err))
		}
	}
	return errors.Join(failures...)
}

// licenceText returns the licence files of a module, joined.
func licenceText(dir string) ([]byte, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("looking for its licence: %w", err)
	}
	var text []byte
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "LICENSE") && !strings.HasPrefix(name, "LICENCE") && !strings.HasPrefix(name, "COPYING") {
			continue
		}
		data, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading its licence: %w", err)
		}
		text = append(text, data...)
	}
	if text == nil {
		return nil, errors.New("it has no licence file")
	}
	return text, nil
}

// families are the licences that let us ship, with words that only they have, in
// the order in which they are looked for.
var families = []struct{ name, words string }{
	{"Apache-2.0", "apache license version 2.0"},
	{"Apache-2.0", "licensed under the apache license"},
	{"MPL-2.0", "mozilla public license version 2.0"},
	{"MPL-2.0", "mozilla public license, version 2.0"},
	{"BSD", "redistribution and use in source and binary forms"},
	{"MIT", "permission is hereby granted, free of charge"},
	{"ISC", "permission to use, copy, modify, and/or distribute this software for any purpose"},
	{"ISC", "permission to use, copy, modify, and distribute this software for any purpose"},
	{"Unlicense", "this is free and unencumbered software released into the public domain"},
}

// refused are licences that would bind our code or our users.
var refused = []string{"gnu general public license", "gnu affero", "server side public license", "business source license"}

// family returns the name of the licence, or nothing if it is none of those allowed.
func family(text []byte) string {
	plain := strings.Join(strings.Fields(string(bytes.ToLower(text))), " ")
	for _, f := range families {
		if strings.Contains(plain, f.words) {
			return f.name
		}
		// A text that begins with another licence does not become ours by quoting one.
		if slices.ContainsFunc(refused, func(words string) bool { return strings.HasPrefix(plain, words) }) {
			return ""
		}
	}
	return ""
}
