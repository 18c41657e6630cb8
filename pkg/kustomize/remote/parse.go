package remote

import (
	"errors"
	"fmt"
	"net/url"
	"path"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Location is what an address names: where its tree can be had, and which
// directory of it is meant.
type Location struct {
	// Ref says how the tree is fetched.
	Ref Ref
	// Path is what is meant within the tree: a directory of a repository ("." is
	// its root), or FileName.
	Path string
}

// Parse returns the ways to fetch what an address names, in the order in which
// they are to be tried: an address over HTTP is a file first and, failing that, a
// repository. Its errors show no credentials.
func Parse(address string) ([]Location, error) {
	if strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return nil, errors.New("the address holds control characters")
	}
	var found []Location
	if u, err := url.Parse(address); err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		_, timeout, _ := options(u.RawQuery)
		found = append(found, Location{Ref{Kind: KindFile, URL: address, Timeout: timeout}, FileName})
	}
	repository, err := parseRepository(address)
	if err == nil {
		return append(found, repository), nil
	}
	if len(found) > 0 {
		return found, nil
	}
	return nil, fmt.Errorf("reading address %q: %w", Show(address), err)
}

func parseRepository(address string) (Location, error) {
	text, query, _ := strings.Cut(address, "?")
	var at Location
	at.Ref.Kind = KindGit
	at.Ref.Revision, at.Ref.Timeout, at.Ref.Submodules = options(query)
	if strings.ContainsFunc(at.Ref.Revision, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return at, errors.New("its revision is not valid")
	}
	host, rest, err := splitHost(text)
	if err != nil {
		return at, err
	}
	repository, dir := splitPath(rest)
	if strings.Trim(repository, "/") == "" {
		return at, errors.New("it names no repository")
	}
	at.Ref.URL = host + repository
	at.Path = path.Clean(strings.TrimLeft(dir, "/"))
	if at.Path == ".." || strings.HasPrefix(at.Path, "../") {
		return at, errors.New("its path leaves the repository")
	}
	return at, nil
}

var user = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9-]*@`)

// splitHost returns what an address has before the path of its repository: scheme,
// user and host with the separator behind it. GitHub needs no scheme.
func splitHost(text string) (host, rest string, err error) {
	_, text = cutPrefix(text, "git::")
	scheme, text := cutPrefix(text, "ssh://", "https://", "http://", "file://")
	name := user.FindString(text)
	bare := text[len(name):]
	lower := strings.ToLower(bare)
	github := strings.HasPrefix(lower, "github.com/") || strings.HasPrefix(lower, "github.com:")
	// Without a scheme a colon separates the path, but only where a user or a
	// known host distinguishes the address from a path.
	short := scheme == "" && (name != "" || github)
	switch {
	case scheme == "file://":
		return "", "", errors.New("it is a path of the machine that builds")
	case scheme == "" && !short:
		return "", "", errors.New("it has no scheme that is known (https, http, ssh)")
	}
	end := separator(bare, short)
	if end <= 0 {
		return "", "", errors.New("it names no host and repository")
	}
	host, rest = scheme+name+bare[:end+1], bare[end+1:]
	switch {
	case github && (scheme == "ssh://" || name != ""):
		host = name + "github.com:"
	case github:
		host = "https://github.com/"
	}
	return host, rest, nil
}

// separator returns where the host ends, or a negative number.
func separator(text string, short bool) int {
	slash, colon := strings.IndexByte(text, '/'), strings.IndexByte(text, ':')
	if short && colon > 0 && (slash < 0 || colon < slash) {
		return colon
	}
	return slash
}

// cutPrefix removes the first of the prefixes that fits, in any case.
func cutPrefix(text string, prefixes ...string) (prefix, rest string) {
	for _, known := range prefixes {
		if len(text) >= len(known) && strings.EqualFold(text[:len(known)], known) {
			return known, text[len(known):]
		}
	}
	return "", text
}

// splitPath separates the repository from the directory in it.
func splitPath(text string) (repository, dir string) {
	const azure, dotGit = "_git/", ".git"
	if i := strings.Index(text, azure); i >= 0 {
		name, dir, _ := strings.Cut(text[i+len(azure):], "/")
		return text[:i+len(azure)] + name, dir
	}
	if repository, dir, ok := strings.Cut(text, "//"); ok {
		return repository, dir
	}
	if i := strings.Index(text+"/", dotGit+"/"); i > 0 {
		return text[:i+len(dotGit)], text[i+len(dotGit):]
	}
	segments := strings.SplitN(text, "/", 3)
	if len(segments) < 2 || segments[1] == "" {
		return "", ""
	}
	if len(segments) == 3 {
		dir = segments[2]
	}
	return segments[0] + "/" + segments[1], dir
}

// options reads the query of an address. What it cannot read it ignores, as the
// library does.
func options(query string) (revision string, timeout time.Duration, submodules bool) {
	timeout, submodules = DefaultTimeout, true
	values, err := url.ParseQuery(query)
	if err != nil {
		return "", timeout, submodules
	}
	if revision = values.Get("ref"); revision == "" {
		revision = values.Get("version")
	}
	if text := values.Get("timeout"); text != "" {
		if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 && seconds <= 24*60*60 {
			timeout = time.Duration(seconds) * time.Second
		} else if d, err := time.ParseDuration(text); err == nil && d > 0 {
			timeout = d
		}
	}
	if on, err := strconv.ParseBool(values.Get("submodules")); err == nil {
		submodules = on
	}
	return revision, timeout, submodules
}
