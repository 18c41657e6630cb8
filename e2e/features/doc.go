// Package features tells what the product does, a story per file. Stories lists them; go test tells them.
package features
