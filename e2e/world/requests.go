package world

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/capstan-gitops/capstan/devcluster"
)

// Position is a moment in the audit log.
type Position struct{ offset int64 }

// Request is one request to the API server, as its audit log has it.
type Request struct {
	User, Verb, Group, Resource, Subresource, Namespace, Name string
	DryRun                                                    bool
	Code                                                      int
}

// String names what was asked for, without who asked and for which object.
func (r Request) String() string {
	text := r.Verb + " " + r.Resource
	if r.Group != "" {
		text += "." + r.Group
	}
	if r.Subresource != "" {
		text += "/" + r.Subresource
	}
	if r.DryRun {
		text += " (dry run)"
	}
	return text
}

// Requests are requests in the order in which they were answered. Leases and watches are a controller's standing costs,
// not its work, and are kept apart.
type Requests struct {
	Work, Leases, Watches []Request
}

// auditEvent is the part of an audit event that is read.
type auditEvent struct {
	Stage      string `json:"stage"`
	Verb       string `json:"verb"`
	RequestURI string `json:"requestURI"`
	User       struct {
		Username string `json:"username"`
	} `json:"user"`
	ObjectRef struct {
		Resource    string `json:"resource"`
		Subresource string `json:"subresource"`
		Namespace   string `json:"namespace"`
		Name        string `json:"name"`
		APIGroup    string `json:"apiGroup"`
	} `json:"objectRef"`
	ResponseStatus struct {
		Code int `json:"code"`
	} `json:"responseStatus"`
}

// Position remembers this moment. Every request that has been answered is before it.
func (w *World) Position() (Position, error) {
	path := w.cluster.AuditLog()
	if path == "" {
		return Position{}, errors.New("reading the audit log: this world was started without one")
	}
	info, err := os.Stat(path)
	if err != nil {
		return Position{}, fmt.Errorf("reading the audit log: %w", err)
	}
	return Position{offset: info.Size()}, nil
}

// Since returns the requests of a controller that were answered after the position.
func (w *World) Since(position Position, c Controller) (Requests, error) {
	user, _ := devcluster.ServiceAccountIdentity(Namespace, string(c))
	file, err := os.Open(w.cluster.AuditLog())
	if err != nil {
		return Requests{}, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { _ = file.Close() }()
	if _, err := file.Seek(position.offset, io.SeekStart); err != nil {
		return Requests{}, fmt.Errorf("reading the audit log: %w", err)
	}
	return readRequests(file, user)
}

// readRequests reads complete lines; what comes after the last one is still being written.
func readRequests(log io.Reader, user string) (Requests, error) {
	var all Requests
	reader := bufio.NewReader(log)
	for {
		line, err := reader.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return Requests{}, fmt.Errorf("reading the audit log: %w", err)
		}
		if !bytes.Contains(line, []byte(user)) {
			continue
		}
		var event auditEvent
		if err := json.Unmarshal(line, &event); err != nil {
			return Requests{}, fmt.Errorf("decoding the audit log: %w", err)
		}
		if event.User.Username == user {
			all.add(event)
		}
	}
}

func (all *Requests) add(e auditEvent) {
	request := Request{
		User: e.User.Username, Verb: e.Verb,
		Group: e.ObjectRef.APIGroup, Resource: e.ObjectRef.Resource, Subresource: e.ObjectRef.Subresource,
		Namespace: e.ObjectRef.Namespace, Name: e.ObjectRef.Name, Code: e.ResponseStatus.Code,
	}
	path, query, _ := strings.Cut(e.RequestURI, "?")
	if values, err := url.ParseQuery(query); err == nil {
		request.DryRun = values.Has("dryRun")
	}
	if request.Resource == "" {
		request.Resource = path
	}
	switch {
	case request.Verb == "watch":
		if e.Stage == "ResponseStarted" { // It is complete only when the watch ends.
			all.Watches = append(all.Watches, request)
		}
	case e.Stage != "ResponseComplete":
	case request.Resource == "leases":
		all.Leases = append(all.Leases, request)
	default:
		all.Work = append(all.Work, request)
	}
}

// Summary counts requests by what was asked for, a line each.
func Summary(requests []Request) string {
	counts := map[string]int{}
	for _, r := range requests {
		counts[r.String()]++
	}
	var lines []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		lines = append(lines, fmt.Sprintf("%5d %s", counts[what], what))
	}
	return strings.Join(lines, "\n")
}
