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
	"github.com/go-git/go-git/v5/plumbing/protocol/packp/sideband"

	"github.com/capstan-gitops/capstan/apis/meta"
	"github.com/capstan-gitops/capstan/pkg/fault"
	"github.com/capstan-gitops/capstan/pkg/git/internal/pack"
	"github.com/capstan-gitops/capstan/pkg/internal/spool"
)

// Fetch brings the commit of a target and its tree. The caller closes the
// checkout.
//
// A target that was looked up is fetched with a depth of one. A pinned commit
// is asked for by its hash if a reference points at it or the server hands out
// any commit; otherwise the branch it is said to be on, or everything, is
// fetched with its history. A commit that is shown beside a reference has to be in the
// history of it.
func (c *Client) Fetch(ctx context.Context, remote Remote, target Resolved, limits Limits) (*Checkout, error) {
	s, err := c.open(remote)
	if err != nil {
		return nil, err
	}
	defer s.close()
	limits = limits.withDefaults()
	var p *pack.Pack
	if target.pinned {
		p, err = c.fetchPinned(ctx, s, target, limits)
	} else {
		if target.base != "" {
			s.base = target.base
		}
		p, err = c.fetchPack(ctx, s, target.caps, packRequest{wants: []plumbing.Hash{target.want}, depth: 1}, limits)
	}
	if err != nil {
		return nil, err
	}
	checkout, err := newCheckout(p, target, limits)
	if err != nil {
		return nil, errors.Join(s.failed("reading what was fetched from", err), p.Close())
	}
	return checkout, nil
}

// fetchPinned finds a way to a commit that is known by its hash.
func (c *Client) fetchPinned(ctx context.Context, s *session, target Resolved, limits Limits) (*pack.Pack, error) {
	tip := false
	adv, err := s.advertise(ctx, func(name string, hash plumbing.Hash) bool {
		tip = tip || hash == target.want
		if target.Reference != "" {
			return name == target.Reference
		}
		return strings.HasPrefix(name, headsPrefix) || strings.HasPrefix(name, tagsPrefix)
	})
	if err != nil {
		return nil, err
	}
	direct := tip || adv.caps.handsOutCommits()
	if len(adv.refs) == 0 && (target.Reference != "" || !direct) {
		return nil, fault.Retry(meta.ReasonGitOperationFailed,
			fmt.Errorf("looking for commit %s in %s: the server lists no reference %q", target.Commit, s.shown, target.Reference),
			fault.Hint("check spec.ref"))
	}
	if direct {
		p, err := c.fetchCommit(ctx, s, adv, target, limits)
		if !errors.Is(err, errNotAdvertised) {
			return p, err
		}
	}
	return c.fetchHistory(ctx, s, adv, target, limits)
}

// fetchCommit asks for a commit by its hash.
func (c *Client) fetchCommit(ctx context.Context, s *session, adv *advertisement, target Resolved, limits Limits) (*pack.Pack, error) {
	p, err := c.fetchPack(ctx, s, adv.caps, packRequest{wants: []plumbing.Hash{target.want}, depth: 1}, limits)
	if err != nil || target.Reference == "" {
		return p, err
	}
	if err := c.checkHistory(ctx, s, adv.caps, adv.refs[0], target, limits); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// fetchHistory brings references with all that they lead to, and so the commit.
func (c *Client) fetchHistory(ctx context.Context, s *session, adv *advertisement, target Resolved, limits Limits) (*pack.Pack, error) {
	p, err := c.fetchPack(ctx, s, adv.caps, packRequest{wants: distinct(adv.refs)}, limits)
	if err != nil {
		return nil, err
	}
	if !p.Has(target.want) {
		where := "any branch or tag"
		if target.Reference != "" {
			where = target.Reference
		}
		return nil, errors.Join(s.notInHistory(target, where), p.Close())
	}
	return p, nil
}

// distinct lists the objects that references name, each once and not more than a
// request may ask for.
func distinct(refs []advertised) (hashes []plumbing.Hash) {
	seen := map[plumbing.Hash]bool{}
	for _, ref := range refs {
		if !seen[ref.hash] && len(hashes) < maxWants {
			seen[ref.hash] = true
			hashes = append(hashes, ref.hash)
		}
	}
	return hashes
}

// packRequest is what to ask upload-pack for.
type packRequest struct {
	wants []plumbing.Hash
	// haves are commits whose history is left out of the answer.
	haves []plumbing.Hash
	// depth of the history; zero is all of it.
	depth int
	// commitsOnly leaves out trees and files where the server can.
	commitsOnly bool
}

// fetchPack asks for a pack, receives it within the limits, and verifies it.
func (c *Client) fetchPack(ctx context.Context, s *session, caps capabilities, request packRequest, limits Limits) (*pack.Pack, error) {
	body, err := request.encode(caps)
	if err != nil {
		return nil, s.failed("fetching from", err)
	}
	answer, err := s.postUploadPack(ctx, body, limits.PackBytes)
	if err != nil {
		return nil, s.failed("fetching from", err)
	}
	defer answer.Close()
	into := spool.New(c.options.TempDir, c.options.MemoryBytes)
	if err := receive(answer, into, caps, request.depth > 0); err != nil {
		return nil, errors.Join(s.failed("fetching from", err), into.Close())
	}
	p, err := pack.Index(ctx, into, limits.pack())
	if err != nil {
		return nil, errors.Join(s.failed("verifying the pack from", err), into.Close())
	}
	return p, nil
}

func (r packRequest) encode(caps capabilities) ([]byte, error) {
	if r.depth > 0 && !caps.has("shallow") {
		r.depth = 0
	}
	var features []string
	for _, name := range []string{"side-band-64k", "ofs-delta", "no-progress"} {
		if caps.has(name) {
			features = append(features, name)
		}
	}
	if r.depth > 0 {
		features = append(features, "shallow")
	}
	if r.commitsOnly && caps.has("filter") {
		features = append(features, "filter")
	}
	if caps.has("agent") {
		features = append(features, "agent="+userAgent)
	}
	var lines []string
	suffix := " " + strings.Join(features, " ")
	for _, want := range r.wants {
		lines = append(lines, fmt.Sprintf("want %s%s\n", want, suffix))
		suffix = ""
	}
	if r.depth > 0 {
		lines = append(lines, fmt.Sprintf("deepen %d\n", r.depth))
	}
	if r.commitsOnly && caps.has("filter") {
		lines = append(lines, "filter tree:0\n")
	}
	var rest []string
	for _, have := range r.haves {
		rest = append(rest, fmt.Sprintf("have %s\n", have))
	}
	var out bytes.Buffer
	e := pktline.NewEncoder(&out)
	if err := errors.Join(e.EncodeString(lines...), e.Flush(), e.EncodeString(append(rest, "done\n")...)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// receive reads the answer of upload-pack: shallow lines up to a flush if a
// depth was asked for, a NAK, and the pack, packed into side-bands or not.
func receive(answer io.Reader, into io.Writer, caps capabilities, shallow bool) error {
	in := bufio.NewReaderSize(answer, 16<<10)
	shallow = shallow && caps.has("shallow")
	if err := readAcknowledgement(in, shallow); err != nil {
		return err
	}
	var content io.Reader = in
	if caps.has("side-band-64k") {
		content = &sidebandReader{demuxer: sideband.NewDemuxer(sideband.Sideband64k, in)}
	}
	if _, err := io.Copy(into, content); err != nil {
		return err
	}
	return nil
}

func readAcknowledgement(in io.Reader, shallow bool) error {
	scanner := pktline.NewScanner(in)
	for range maxAnswerLines {
		if !scanner.Scan() {
			return acknowledgementFailure(scanFailure(scanner))
		}
		line := scanner.Bytes()
		switch {
		case len(line) == 0 && shallow:
			shallow = false
		case bytes.HasPrefix(line, []byte("shallow ")), bytes.HasPrefix(line, []byte("unshallow ")):
		case bytes.HasPrefix(line, []byte("NAK")) && !shallow, bytes.HasPrefix(line, []byte("ACK ")) && !shallow:
			return nil
		default:
			return fmt.Errorf("the server answered %q before the pack", presentable(string(line[:min(len(line), 80)])))
		}
	}
	return errors.New("the server answers with too many lines before the pack")
}

// acknowledgementFailure knows the refusal of a commit that no reference points
// at, which has another way to be fetched.
func acknowledgementFailure(err error) error {
	if strings.Contains(err.Error(), "not our ref") || strings.Contains(err.Error(), "unadvertised object") {
		return fmt.Errorf("%w: %w", errNotAdvertised, err)
	}
	return err
}

// sidebandReader makes what the server says on its error band presentable.
type sidebandReader struct {
	demuxer *sideband.Demuxer
}

// Read reads bytes of the pack.
func (r *sidebandReader) Read(p []byte) (int, error) {
	n, err := r.demuxer.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		var unexpected *pktline.ErrorLine
		if errors.As(err, &unexpected) || strings.HasPrefix(err.Error(), "unexpected error: ") {
			err = fmt.Errorf("the server answered %q", presentable(strings.TrimPrefix(err.Error(), "unexpected error: ")))
		}
	}
	return n, err
}
