package config

import (
	"slices"
	"testing"
)

// TestMechanismsAreOn has every mechanism on unless its own gate turns it off.
func TestMechanismsAreOn(t *testing.T) {
	for _, off := range append([]string{""}, mechanisms...) {
		t.Run("Without"+off, func(t *testing.T) {
			var args []string
			if off != "" {
				args = []string{"--feature-gates=" + off + "=false"}
			}
			cfg, err := Parse(args)
			if err != nil {
				t.Fatal(err)
			}
			on := slices.DeleteFunc(slices.Clone(mechanisms), func(name string) bool { return !cfg.Enabled(name) })
			want := slices.DeleteFunc(slices.Clone(mechanisms), func(name string) bool { return name == off })
			if !slices.Equal(on, want) {
				t.Errorf("on are %v, want %v", on, want)
			}
		})
	}
}
