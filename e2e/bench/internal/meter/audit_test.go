package meter

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const auditLine = `{"stage":%q,"verb":%q,"requestURI":"/api/v1/x","user":{"username":%q},"objectRef":{"resource":%q},` +
	`"requestReceivedTimestamp":"2026-01-01T00:00:0%d.000000Z","stageTimestamp":"2026-01-01T00:00:0%d.500000Z"}` + "\n"

func TestEvents(t *testing.T) {
	var log strings.Builder
	for _, e := range []struct {
		stage, verb, user, resource string
		second                      int
	}{
		{"ResponseComplete", "patch", "us-1", "configmaps", 3},
		{"ResponseComplete", "patch", "us-2", "configmaps", 1},
		{"ResponseComplete", "get", "us-2", "secrets", 5},
		{"ResponseStarted", "patch", "us-1", "configmaps", 0},
		{"ResponseComplete", "watch", "us-1", "configmaps", 0},
		{"ResponseComplete", "update", "us-1", "leases", 0},
		{"ResponseComplete", "patch", "them-us", "configmaps", 0},
	} {
		fmt.Fprintf(&log, auditLine, e.stage, e.verb, e.user, e.resource, e.second, e.second)
	}
	log.WriteString(`{"stage":"Resp`)
	all, err := events(strings.NewReader(log.String()), "us")
	if err != nil || len(all) != 3 {
		t.Fatalf("there are %d events, error %v, want 3: those of others, watches, leases and half a line do not count", len(all), err)
	}
	first, last, n := Span(all, func(e Event) bool { return e.Resource == "configmaps" })
	if n != 2 || last.Sub(first) != 2500*time.Millisecond {
		t.Errorf("%d events in %s, want 2 from the first that was received to the last that was answered", n, last.Sub(first))
	}
}

func TestBusy(t *testing.T) {
	busy, full, err := parseBusy("cpu  10 1 5 80 4 0 0 0 7 0\ncpu0 1 2 3\n")
	if err != nil || busy != 16 || full != 100 {
		t.Errorf("busy are %d of %d, %v, want 16 of 100: guests are counted in what is before them", busy, full, err)
	}
	if _, _, err := parseBusy("cpu 1 2\n"); err == nil {
		t.Error("half a line is read")
	}
	at := func(second int) time.Time { return time.Unix(int64(second), 0) }
	samples := []sample{{at(0), 0, 0}, {at(1), 0, 100}, {at(2), 90, 200}, {at(3), 170, 300}, {at(4), 170, 400}}
	if percent, err := between(samples, at(1), at(3)); err != nil || percent != 85 {
		t.Errorf("it is busy to %v %%, %v, want 85", percent, err)
	}
	if _, err := between(samples, at(7), at(9)); err == nil {
		t.Error("a time that was not watched has a share")
	}
}

func TestHeap(t *testing.T) {
	got, err := heapOf(strings.NewReader("heap profile: 1: 2\n# Alloc = 3\n# HeapAlloc = 4711\n"))
	if err != nil || got != 4711 {
		t.Errorf("the heap is %d, %v, want 4711", got, err)
	}
	if _, err := heapOf(strings.NewReader("not found")); err == nil {
		t.Error("a heap is read from nothing")
	}
}

func TestVerbs(t *testing.T) {
	use := Use{Requests: []Request{
		{User: "a", What: "patch configmaps", Count: 3}, {User: "a", What: "patch configmaps (dry run)", Count: 2},
		{User: "b", What: "patch x/status", Count: 1}, {User: "b", What: "get /apis", Count: 4},
	}}
	verbs := use.Verbs()
	if verbs["patch"] != 4 || verbs["patch (dry run)"] != 2 || verbs["get"] != 4 {
		t.Errorf("verbs are %v", verbs)
	}
	if use.Of("patch configmaps") != 3 || use.TotalOf("b") != 5 {
		t.Errorf("patches are %d, requests of b are %d", use.Of("patch configmaps"), use.TotalOf("b"))
	}
}
