package git

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/pktline"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
)

// capabilities are what a server says it can do.
type capabilities map[string]string

func (c capabilities) has(name string) bool {
	_, ok := c[name]
	return ok
}

// handsOutCommits reports whether a commit can be asked for by its hash although
// no reference points at it.
func (c capabilities) handsOutCommits() bool {
	return c.has("allow-reachable-sha1-in-want") || c.has("allow-any-sha1-in-want")
}

// advertised is a reference that a server lists.
type advertised struct {
	name string
	hash plumbing.Hash
	// peeled is what an annotated tag leads to; zero for everything else.
	peeled plumbing.Hash
}

func (a advertised) commit() plumbing.Hash {
	if a.peeled.IsZero() {
		return a.hash
	}
	return a.peeled
}

// advertisement is the part of a server's list that somebody asked for.
type advertisement struct {
	refs []advertised
	caps capabilities
	// total counts all references, kept or not.
	total int
}

// advertise lists the references that keep accepts. The list is read as it
// arrives and only those are held, so a million others cost no memory.
func (s *session) advertise(ctx context.Context, keep func(name string, hash plumbing.Hash) bool) (*advertisement, error) {
	body, err := s.getRefs(ctx)
	if err != nil {
		return nil, s.failed("listing the references of", err)
	}
	defer body.Close()
	adv, err := parseAdvertisement(body, keep)
	if err != nil {
		return nil, s.failed("listing the references of", err)
	}
	if adv.total == 0 {
		return nil, fault.Retry(meta.ReasonEmptyGitRepository,
			fmt.Errorf("listing the references of %s: the repository is empty", s.shown), fault.Hint("push a first commit"))
	}
	return adv, nil
}

func parseAdvertisement(r io.Reader, keep func(string, plumbing.Hash) bool) (*advertisement, error) {
	scanner := pktline.NewScanner(bufio.NewReaderSize(r, 16<<10))
	if !scanner.Scan() {
		return nil, scanFailure(scanner)
	}
	if !bytes.HasPrefix(scanner.Bytes(), []byte("# service="+service)) {
		return nil, errors.New("the answer does not begin as a list of references")
	}
	adv := &advertisement{}
	lines := 0
	for scanner.Scan() {
		line := bytes.TrimSuffix(scanner.Bytes(), []byte("\n"))
		if len(line) == 0 {
			if lines == 0 && adv.caps == nil {
				lines++
				continue
			}
			return adv, nil
		}
		lines++
		if err := adv.add(line, keep); err != nil {
			return nil, err
		}
	}
	return nil, scanFailure(scanner)
}

// scanFailure is the error of a list that ends before its end.
func scanFailure(s *pktline.Scanner) error {
	if err := s.Err(); err != nil {
		var line *pktline.ErrorLine
		if errors.As(err, &line) {
			return fmt.Errorf("the server answered %q", presentable(line.Text))
		}
		return err
	}
	return io.ErrUnexpectedEOF
}

func (a *advertisement) add(line []byte, keep func(string, plumbing.Hash) bool) error {
	if a.caps == nil {
		head, caps, _ := bytes.Cut(line, []byte{0})
		a.caps = parseCapabilities(string(caps))
		line = head
		if err := a.caps.checkFormat(line); err != nil {
			return err
		}
	}
	if bytes.HasPrefix(line, []byte("shallow ")) {
		return nil
	}
	if len(line) < hexHashLength+2 || line[hexHashLength] != ' ' || !plumbing.IsHash(string(line[:hexHashLength])) {
		return fmt.Errorf("the list of references holds a malformed line %q", presentable(string(line[:min(len(line), 80)])))
	}
	hash, name := plumbing.NewHash(string(line[:hexHashLength])), string(line[hexHashLength+1:])
	if hash.IsZero() {
		return nil
	}
	if a.total++; a.total > maxAdvertisedRefs {
		return fmt.Errorf("the repository has more than %d references", maxAdvertisedRefs)
	}
	if tag, ok := strings.CutSuffix(name, peeledSuffix); ok {
		if n := len(a.refs); n > 0 && a.refs[n-1].name == tag {
			a.refs[n-1].peeled = hash
		}
		return nil
	}
	if keep(name, hash) {
		a.refs = append(a.refs, advertised{name: name, hash: hash})
	}
	return nil
}

// checkFormat refuses a repository whose hashes are not understood, by what the server says
// or by the first hash, the text of which line begins with.
func (c capabilities) checkFormat(line []byte) error {
	format, ok := c["object-format"]
	hash, _, _ := bytes.Cut(line, []byte(" "))
	switch {
	case format == "sha256", !ok && len(hash) == hexHashLength256 && isHex(string(hash)):
		return errSHA256
	case ok && format != hashAlgorithm:
		return fmt.Errorf("the repository uses %s hashes, only %s is understood", presentable(format), hashAlgorithm)
	}
	return nil
}

func parseCapabilities(text string) capabilities {
	caps := capabilities{}
	for field := range strings.FieldsSeq(text) {
		name, value, _ := strings.Cut(field, "=")
		caps[name] = value
	}
	return caps
}
