package kustomize

import "time"

// Limits bounds what one build may consume. A field that is zero or negative
// takes its default.
type Limits struct {
	// Files is the number of reads, a file that is read twice counting twice.
	Files int
	// FileBytes is the size of one file.
	FileBytes int64
	// Bytes is the size of all different files together.
	Bytes int64
	// Bases is the number of kustomization files that are loaded, one that is
	// loaded twice counting twice.
	Bases int
	// Depth is the length of a chain of bases.
	Depth int
	// Remotes is the number of different remote bases.
	Remotes int
	// Pairs is the product of the number of objects and of transformations.
	Pairs int
	// Objects is the number of objects.
	Objects int
	// Entangled is the number of objects of a tree that has to be built in one
	// run of the library (see the package comment), which takes a time that grows
	// with the square of their number.
	Entangled int
	// ObjectBytes is the size of one built object as JSON. An API server
	// refuses larger requests anyway.
	ObjectBytes int
	// OutputBytes is the size of all built objects as JSON.
	OutputBytes int
	// Timeout is how long a build may take before its result is discarded.
	Timeout time.Duration
}

// DefaultLimits returns the limits that apply where a Request sets none.
func DefaultLimits() Limits {
	return Limits{
		Files:       50_000,
		FileBytes:   16 << 20,
		Bytes:       128 << 20,
		Bases:       5_000,
		Depth:       64,
		Remotes:     32,
		Pairs:       1_000_000,
		Objects:     25_000,
		Entangled:   10_000,
		ObjectBytes: 3 << 20,
		OutputBytes: 64 << 20,
		Timeout:     5 * time.Minute,
	}
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits()
	l.Files = orDefault(l.Files, d.Files)
	l.FileBytes = orDefault(l.FileBytes, d.FileBytes)
	l.Bytes = orDefault(l.Bytes, d.Bytes)
	l.Bases = orDefault(l.Bases, d.Bases)
	l.Depth = orDefault(l.Depth, d.Depth)
	l.Remotes = orDefault(l.Remotes, d.Remotes)
	l.Pairs = orDefault(l.Pairs, d.Pairs)
	l.Objects = orDefault(l.Objects, d.Objects)
	l.Entangled = orDefault(l.Entangled, d.Entangled)
	l.ObjectBytes = orDefault(l.ObjectBytes, d.ObjectBytes)
	l.OutputBytes = orDefault(l.OutputBytes, d.OutputBytes)
	l.Timeout = orDefault(l.Timeout, d.Timeout)
	return l
}

func orDefault[T int | int64 | time.Duration](value, fallback T) T {
	if value <= 0 {
		return fallback
	}
	return value
}
