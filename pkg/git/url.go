package git

import (
	"fmt"
	"net/url"
	"strings"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/egress"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

const maxURLLength = 2048

// ParseURL checks the URL of a repository. Only http and https are accepted;
// what could mean something to a shell, a local path or another transport is
// refused before anybody interprets it. Errors are stalled faults that show no
// user information.
func ParseURL(raw string) (*url.URL, error) {
	invalid := func(why string) error {
		return fault.Stalled(meta.ReasonURLInvalid,
			fmt.Errorf("reading the URL %s: %s", egress.Redact(raw), why))
	}
	if why := suspicious(raw); why != "" {
		return nil, invalid(why)
	}
	u, err := url.Parse(raw)
	if err != nil {
		if isSCPLike(raw) {
			return nil, unsupportedSSH()
		}
		return nil, invalid("it is not a URL")
	}
	switch strings.ToLower(u.Scheme) {
	case "http", "https":
	case "ssh", "git+ssh", "ssh+git":
		return nil, unsupportedSSH()
	case "":
		if isSCPLike(raw) {
			return nil, unsupportedSSH()
		}
		return nil, invalid("a local path is not a repository here; use an http or https URL")
	default:
		return nil, invalid("the scheme is not http or https")
	}
	switch {
	case u.Hostname() == "" || strings.HasPrefix(u.Hostname(), "-"):
		return nil, invalid("it names no host")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, invalid("a repository has no query and no fragment")
	}
	if leavesRepository(u.Path) {
		return nil, invalid("a part of the path starts with a dash or leads upwards")
	}
	return u, nil
}

// leavesRepository reports a path with a part that a command could take for an
// option, or that leads upwards.
func leavesRepository(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(segment, "-") || segment == ".." {
			return true
		}
	}
	return false
}

// suspicious names the first character of a URL that has no business there.
func suspicious(raw string) string {
	switch {
	case raw == "":
		return "it is empty"
	case len(raw) > maxURLLength:
		return fmt.Sprintf("it is longer than %d characters", maxURLLength)
	case strings.HasPrefix(raw, "-"):
		return "it starts with a dash"
	case strings.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return "it contains a space, a line break or a control character"
	case strings.ContainsAny(raw, "\"'`\\"):
		return "it contains a quote or a backslash"
	}
	return ""
}

// isSCPLike knows the form user@host:path.
func isSCPLike(raw string) bool {
	host, _, ok := strings.Cut(raw, ":")
	return ok && strings.Contains(host, "@") && !strings.Contains(host, "/")
}

func unsupportedSSH() error {
	return fault.Stalled(meta.ReasonFieldNotSupported,
		fmt.Errorf("reading the URL: this version does not act on repositories over SSH"),
		fault.Hint("use the https URL of the repository"))
}
