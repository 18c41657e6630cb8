// Package testdata holds a folder per story, in it a folder per state of the story's repository, and the sample
// repository of the demo.
package testdata

import "embed"

// Files are all folders.
//
//go:embed */*
var Files embed.FS
