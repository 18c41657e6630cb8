// Package features shows what the product does, a story per file. Stories lists them; go test runs them.
package features
