package sops

import (
	"regexp"
	"strings"

	"github.com/getsops/sops/v3"
)

// maxPattern bounds a regular expression of a document.
const maxPattern = 1 << 10

// rules say which values of a document are encrypted. A document has one of them;
// without any, everything is encrypted but what is below a key with the suffix
// "_unencrypted".
type rules struct {
	plainSuffix, secretSuffix   string
	plainKey, secretKey         *regexp.Regexp
	plainComment, secretComment *regexp.Regexp
}

func rulesOf(m *sops.Metadata) (rules, error) {
	r := rules{plainSuffix: m.UnencryptedSuffix, secretSuffix: m.EncryptedSuffix}
	for _, p := range []struct {
		into *(*regexp.Regexp)
		name string
		text string
	}{
		{&r.plainKey, "unencrypted_regex", m.UnencryptedRegex},
		{&r.secretKey, "encrypted_regex", m.EncryptedRegex},
		{&r.plainComment, "unencrypted_comment_regex", m.UnencryptedCommentRegex},
		{&r.secretComment, "encrypted_comment_regex", m.EncryptedCommentRegex},
	} {
		if p.text == "" {
			continue
		}
		compiled, err := regexp.Compile(p.text)
		if err != nil || len(p.text) > maxPattern {
			return rules{}, broken("its %s is not a regular expression, or too long a one", p.name)
		}
		*p.into = compiled
	}
	return r, nil
}

// decides reports whether a key decides about everything below it.
func (r rules) decides(key string) bool {
	switch {
	case r.secretKey != nil:
		return r.secretKey.MatchString(key)
	case r.plainKey != nil:
		return r.plainKey.MatchString(key)
	case r.secretSuffix != "":
		return strings.HasSuffix(key, r.secretSuffix)
	case r.plainSuffix != "":
		return strings.HasSuffix(key, r.plainSuffix)
	}
	return false
}

// remarks reports whether a comment decides about what follows it.
func (r rules) remarks(comment string) bool {
	if r.secretComment != nil {
		return r.secretComment.MatchString(comment)
	}
	return r.plainComment != nil && r.plainComment.MatchString(comment)
}

// encrypted judges a value by whether a key above it was marked and whether a
// comment above or before it was.
func (r rules) encrypted(marked, remarked bool) bool {
	switch {
	case r.secretComment != nil:
		return remarked
	case r.plainComment != nil && remarked:
		return false
	case r.secretKey != nil || r.secretSuffix != "":
		return marked
	}
	return !marked
}
