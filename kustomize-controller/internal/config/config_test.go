package config

import (
	"slices"
	"testing"
)

// TestUnknownFieldsAreReported leaves unknown fields to be reported unless somebody
// wants them refused.
func TestUnknownFieldsAreReported(t *testing.T) {
	for flag, want := range map[string]bool{"": false, "--feature-gates=" + GateUnknown + "=true": true} {
		cfg, err := Parse(slices.DeleteFunc([]string{flag}, func(arg string) bool { return arg == "" }))
		if err != nil {
			t.Fatal(err)
		}
		if got := cfg.Enabled(GateUnknown); got != want {
			t.Errorf("with %q: got %t", flag, got)
		}
	}
}

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
