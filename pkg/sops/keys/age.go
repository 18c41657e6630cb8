package keys

import (
	"fmt"
	"regexp"
	"strings"

	"filippo.io/age"
)

var pluginName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,63}$`)

// readAge adds the identities of a key file, one a line. Blank lines and comments
// are skipped.
func readAge(m *Material, value []byte) error {
	found := false
	number := 0
	for line := range strings.Lines(string(value)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, err := parseIdentity(line)
		if err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
		m.Age = append(m.Age, identity)
		found = true
	}
	if !found {
		return fmt.Errorf("it holds no age identity")
	}
	return nil
}

// parseIdentity says what is wrong in words of its own: the library quotes what it
// was given.
func parseIdentity(line string) (age.Identity, error) {
	var identity age.Identity
	var err error
	switch {
	case strings.HasPrefix(line, "AGE-PLUGIN-"):
		return nil, fmt.Errorf("the identity belongs to age plugin %s; plugins are programs and are not run here", identityPlugin(line))
	case strings.HasPrefix(line, "AGE-SECRET-KEY-PQ-1"):
		identity, err = age.ParseHybridIdentity(line)
	case strings.HasPrefix(line, "AGE-SECRET-KEY-1"):
		identity, err = age.ParseX25519Identity(line)
	default:
		return nil, fmt.Errorf("it is not an age identity, which begins with AGE-SECRET-KEY-")
	}
	if err != nil {
		return nil, fmt.Errorf("the age identity is malformed")
	}
	return identity, nil
}

// identityPlugin is the name between the prefix and the last 1, where the data of a
// Bech32 string begins.
func identityPlugin(line string) string {
	name := strings.ToLower(strings.TrimPrefix(line, "AGE-PLUGIN-"))
	if i := strings.LastIndex(name, "-1"); i >= 0 {
		return PluginName(name[:i])
	}
	return PluginName("")
}

// PluginName returns the name of a plugin as it can be shown.
func PluginName(name string) string {
	if !pluginName.MatchString(name) {
		return "of an unreadable name"
	}
	return fmt.Sprintf("%q", name)
}
