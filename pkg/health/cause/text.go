package cause

import (
	"regexp"
	"strings"
	"unicode"
)

// pull recognises why an image was not pulled. What runtime and registry wrote
// differs from try to try (addresses, digests, times), so it is not quoted.
func pull(reason, message string) string {
	if reason == "ErrImageNeverPull" {
		return "it is not on the node, and its pull policy is Never"
	}
	if reason == "SignatureValidationFailed" {
		return "its signature is not valid"
	}
	message = strings.ToLower(message)
	for _, known := range []struct {
		why     string
		phrases []string
	}{
		{"the registry limits the rate", []string{"toomanyrequests", "too many requests", "rate limit"}},
		{"the registry refuses access", []string{"unauthorized", "authentication required", "no basic auth", "denied", "forbidden", "authorization failed"}},
		{"it is not in the registry", []string{"not found", "manifest unknown", "name unknown", "does not exist", "notfound"}},
		{"the certificate of the registry is not trusted", []string{"x509", "certificate", "tls:"}},
		{"it does not exist for the platform of the node", []string{"no match for platform", "exec format"}},
		{"the registry cannot be reached", []string{"no such host", "connection refused", "timeout", "deadline exceeded", "unreachable", "server misbehaving", "connection reset"}},
		{"there is no space left on the node", []string{"no space left"}},
	} {
		for _, phrase := range known.phrases {
			if strings.Contains(message, phrase) {
				return known.why
			}
		}
	}
	return ""
}

var (
	missingKey    = regexp.MustCompile(`couldn't find key (\S+) in (ConfigMap|Secret) (\S+)`)
	missingObject = regexp.MustCompile(`(?i)\b(secret|configmap) "([^"]+)" not found`)
)

// configuration says what a container lacks: names of objects and keys, never
// what is in them.
func configuration(message string) string {
	if m := missingKey.FindStringSubmatch(message); m != nil {
		name := m[3][strings.LastIndexByte(m[3], '/')+1:]
		return "the " + m[2] + " " + quote(name) + " has no key " + quote(m[1])
	}
	if m := missingObject.FindStringSubmatch(message); m != nil {
		kind := "Secret"
		if strings.EqualFold(m[1], "configmap") {
			kind = "ConfigMap"
		}
		return "the " + kind + " " + quote(m[2]) + " does not exist"
	}
	switch {
	case strings.Contains(message, "runAsNonRoot"):
		return "its image runs as root, which runAsNonRoot forbids"
	case strings.Contains(message, "non-numeric user"):
		return "its image names its user, and runAsNonRoot needs a number"
	case strings.Contains(message, "subPath"):
		return "a subPath of its volumes cannot be prepared"
	}
	return "its configuration is not valid (CreateContainerConfigError)"
}

// scheduler shortens what the scheduler said: what preemption would do comes
// after what is wrong.
func scheduler(message string) string {
	message, _, _ = strings.Cut(message, " preemption:")
	message, _, _ = strings.Cut(message, " no new claims to deallocate")
	return strings.TrimRight(shorten(message, 180), ". ")
}

// object is how the API server begins an answer about a pod whose name a
// controller made up.
var object = regexp.MustCompile(`(?i)^(error creating: )?(pods|pod) "[^"]*" is forbidden: `)

// named is a made-up name elsewhere in such an answer.
var named = regexp.MustCompile(`pods? "[^"]*"`)

// admission is why the API server did not take a pod.
func admission(message string) string {
	message = named.ReplaceAllString(object.ReplaceAllString(message, ""), "pod")
	return strings.TrimRight(shorten(message, 220), ". ")
}

// after is what stands behind a phrase, up to the end of its sentence.
func after(message, phrase string) string {
	_, rest, ok := strings.Cut(message, phrase)
	if !ok {
		return ""
	}
	rest, _, _ = strings.Cut(rest, ".")
	return rest
}

// word keeps of a text what can stand in a name.
func word(text string) string {
	text = strings.TrimSpace(text)
	if i := strings.IndexFunc(text, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("-_./", r)
	}); i >= 0 {
		text = text[:i]
	}
	return shorten(text, 60)
}

// shorten makes text one printable line of at most so many bytes.
func shorten(text string, most int) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, strings.ToValidUTF8(text, "?"))
	text = strings.Join(strings.Fields(text), " ")
	if len(text) <= most {
		return text
	}
	return strings.TrimRight(strings.ToValidUTF8(text[:most], ""), " ") + "…"
}
