// Package address distinguishes paths from what the kustomize library would fetch over a
// network.
package address

import (
	"net/url"
	"regexp"
	"strings"
)

// userAtHost is the beginning of an scp-like address, as the library reads it.
var userAtHost = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@[^/:]*[/:]`)

// IsRemote reports whether the library would reach for the network if it were
// given entry: as a file over HTTP, or as a Git repository. It accepts more than
// the library does, never less.
func IsRemote(entry string) bool {
	lower := strings.ToLower(strings.TrimSpace(entry))
	switch {
	case strings.Contains(lower, "://"), strings.HasPrefix(lower, "git::"):
		return true
	case strings.HasPrefix(lower, "github.com/"), strings.HasPrefix(lower, "github.com:"):
		return true
	case userAtHost.MatchString(strings.TrimSpace(entry)):
		return true
	}
	u, err := url.Parse(entry)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// Leads is IsRemote for a text that is expected to be a document, where an
// address further inside means nothing.
func Leads(entry string) bool {
	first, _, _ := strings.Cut(strings.TrimSpace(entry), "://")
	schemeLike := len(first) < len(strings.TrimSpace(entry)) && !strings.ContainsAny(first, " \t\r\n{[\"'")
	lower := strings.ToLower(strings.TrimSpace(entry))
	return schemeLike || strings.HasPrefix(lower, "git::") || strings.HasPrefix(lower, "github.com") ||
		userAtHost.MatchString(strings.TrimSpace(entry))
}
