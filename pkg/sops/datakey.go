package sops

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"

	"github.com/getsops/sops/v3"
	sopskeys "github.com/getsops/sops/v3/keys"
	"github.com/getsops/sops/v3/shamir"

	"github.com/capstan-gitops/capstan/pkg/sops/unwrap"
)

const (
	// maxMasterKeys bounds how many keys of a document are tried.
	maxMasterKeys = 50
	// maxShown is how many of them an error names.
	maxShown = 10
)

// dataKey gets the data key of a document from the first key of each group that
// gives it, or its part of it. Keys that need no network are tried first.
func (d *Decryptor) dataKey(ctx context.Context, m *sops.Metadata) ([]byte, error) {
	if m.MasterKeyCount() > maxMasterKeys {
		return nil, broken("its SOPS metadata name more than %d keys", maxMasterKeys)
	}
	id := identify(m)
	d.mu.Lock()
	known := d.known[id]
	d.mu.Unlock()
	if known != nil {
		return known, nil
	}
	need := threshold(m)
	var parts [][]byte
	var tries []string
	for i, group := range m.KeyGroups {
		if len(parts) == need {
			break
		}
		part, failures := d.group(ctx, group)
		if part != nil {
			parts = append(parts, part)
		}
		for _, failure := range failures {
			tries = append(tries, inGroup(i, len(m.KeyGroups))+failure)
		}
	}
	if len(parts) < need {
		return nil, closed(len(m.KeyGroups), len(parts), need, tries)
	}
	key, err := combine(parts)
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	d.known[id] = key
	d.mu.Unlock()
	return key, nil
}

// group returns what the first key of a group gives, or why none gives anything.
func (d *Decryptor) group(ctx context.Context, group sops.KeyGroup) (part []byte, failures []string) {
	ordered := slices.Clone(group)
	slices.SortStableFunc(ordered, func(a, b sopskeys.MasterKey) int { return rank(a) - rank(b) })
	for _, key := range ordered {
		plain, err := d.unwrap.Unwrap(ctx, key)
		if err == nil {
			return plain, nil
		}
		failures = append(failures, unwrap.Name(key)+": "+err.Error())
	}
	return nil, failures
}

func rank(key sopskeys.MasterKey) int {
	if unwrap.Local(key) {
		return 0
	}
	return 1
}

// threshold is how many groups have to give their part. One group holds the whole
// key.
func threshold(m *sops.Metadata) int {
	groups := len(m.KeyGroups)
	if m.ShamirThreshold < 2 || m.ShamirThreshold > groups {
		return groups
	}
	return m.ShamirThreshold
}

func inGroup(index, groups int) string {
	if groups == 1 {
		return ""
	}
	return fmt.Sprintf("group %d: ", index+1)
}

// closed is the error with what every key answered.
func closed(groups, got, need int, tries []string) error {
	text := "no key gives its data key"
	if groups > 1 {
		text = fmt.Sprintf("%d of %d key groups give their part of the data key, and %d are needed", got, groups, need)
	}
	return &problem{
		text + ": " + list(tries),
		"give the Secret of spec.decryption.secretRef one of these keys, or permit the unit to use it",
	}
}

// combine makes the data key of its parts.
func combine(parts [][]byte) ([]byte, error) {
	if len(parts) == 1 {
		return sized(parts[0])
	}
	key, err := shamir.Combine(parts)
	if err != nil {
		return nil, broken("the parts of its data key do not belong together")
	}
	return sized(key)
}

func sized(key []byte) ([]byte, error) {
	if len(key) != 32 {
		return nil, broken("its data key has %d bytes instead of 32", len(key))
	}
	return key, nil
}

func list(tries []string) string {
	if len(tries) > maxShown {
		tries = append(tries[:maxShown:maxShown], fmt.Sprintf("and %d more", len(tries)-maxShown))
	}
	return strings.Join(tries, "; ")
}

// identify digests who holds the data key and what they hold.
func identify(m *sops.Metadata) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d\n", m.ShamirThreshold)
	for _, group := range m.KeyGroups {
		_, _ = fmt.Fprintf(h, "group %d\n", len(group))
		for _, key := range group {
			name, text := key.ToString(), key.EncryptedDataKey()
			_, _ = fmt.Fprintf(h, "%s %d:%s %d:", key.TypeToIdentifier(), len(name), name, len(text))
			_, _ = h.Write(text)
		}
	}
	return string(h.Sum(nil))
}
