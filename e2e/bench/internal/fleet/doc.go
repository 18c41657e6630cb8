// Package fleet makes what is measured: one Git repository with a folder per unit, a Kustomization per folder, and tables
// that show what becomes of them.
package fleet
