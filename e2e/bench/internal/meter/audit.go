package meter

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Log is an audit log from a moment on.
type Log struct {
	path   string
	offset int64
}

// Event is a request that was answered.
type Event struct {
	User, Verb, Resource, URI string
	Received, Answered        time.Time
}

// LogFrom returns the audit log at a path from now on.
func LogFrom(path string) (*Log, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return &Log{path: path, offset: info.Size()}, nil
}

// Events returns what has been answered to users whose names begin with a prefix, without watches and leases.
func (l *Log) Events(prefix string) ([]Event, error) {
	file, err := os.Open(l.path)
	if err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	defer func() { _ = file.Close() }()
	if l.offset == 0 {
		return events(file, prefix)
	}
	if _, err := file.Seek(l.offset-1, io.SeekStart); err != nil {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	// A line may have been half written then; it is of a request from before.
	rest := bufio.NewReader(file)
	if _, err := rest.ReadBytes('\n'); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("reading the audit log: %w", err)
	}
	return events(rest, prefix)
}

func events(log io.Reader, prefix string) ([]Event, error) {
	var all []Event
	lines := bufio.NewReader(log)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return all, nil // What comes after the last line is still being written.
		}
		if err != nil {
			return nil, fmt.Errorf("reading the audit log: %w", err)
		}
		if !bytes.Contains(line, []byte(prefix)) {
			continue
		}
		event, counts, err := decodeEvent(line)
		if err != nil {
			return nil, err
		}
		if counts && strings.HasPrefix(event.User, prefix) {
			all = append(all, event)
		}
	}
}

func decodeEvent(line []byte) (event Event, counts bool, err error) {
	var e struct {
		Stage      string `json:"stage"`
		Verb       string `json:"verb"`
		RequestURI string `json:"requestURI"`
		User       struct {
			Username string `json:"username"`
		} `json:"user"`
		ObjectRef struct {
			Resource string `json:"resource"`
		} `json:"objectRef"`
		Received time.Time `json:"requestReceivedTimestamp"`
		Stamped  time.Time `json:"stageTimestamp"`
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return Event{}, false, fmt.Errorf("decoding the audit log: %w", err)
	}
	event = Event{
		User: e.User.Username, Verb: e.Verb, Resource: e.ObjectRef.Resource, URI: e.RequestURI,
		Received: e.Received, Answered: e.Stamped,
	}
	return event, e.Stage == "ResponseComplete" && e.Verb != "watch" && event.Resource != "leases", nil
}

// Span returns when the first of these events was received and the last one answered, and how many there are.
func Span(all []Event, is func(Event) bool) (first, last time.Time, n int) {
	for _, e := range all {
		if !is(e) {
			continue
		}
		if n++; n == 1 || e.Received.Before(first) {
			first = e.Received
		}
		if e.Answered.After(last) {
			last = e.Answered
		}
	}
	return first, last, n
}
