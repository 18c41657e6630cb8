package table_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/capstan-gitops/capstan/e2e/bench/internal/table"
)

type row struct {
	Metadata table.Meta `json:"metadata"`
	Value    string     `json:"value"`
}

func (r row) GetMeta() table.Meta { return r.Metadata }

const object = `{"metadata":{"namespace":"n","name":"a","resourceVersion":"%d"},"value":%q}`

// open serves a list with one object and then the events that are sent; "end" ends a watch, and the server that has ended one
// lists its object with another value.
func open(ctx context.Context, t *testing.T, events <-chan string) *table.Table[row] {
	t.Helper()
	var ended atomic.Bool
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.URL.Query().Get("watch") == "" {
			value := map[bool]string{false: "old", true: "listed again"}[ended.Load()]
			_, _ = fmt.Fprintf(w, `{"metadata":{"resourceVersion":"7"},"items":[`+object+`]}`, 7, value)
			return
		}
		if from := r.URL.Query().Get("resourceVersion"); from != "7" {
			t.Errorf("the watch starts at %s, want 7, because what lies between would be missed", from)
		}
		w.(http.Flusher).Flush()
		for {
			select {
			case event := <-events:
				if event == "end" {
					ended.Store(true)
					return
				}
				_, _ = fmt.Fprintln(w, event)
				w.(http.Flusher).Flush()
			case <-r.Context().Done():
				return
			}
		}
	}))
	t.Cleanup(server.Close)
	config := &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{NegotiatedSerializer: scheme.Codecs.WithoutConversion()}}
	c, err := rest.UnversionedRESTClientFor(config)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := table.Open[row](ctx, c, "/api/v1/things")
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func holds(value string) func(map[string]row) bool {
	return func(rows map[string]row) bool { return rows["n/a"].Value == value }
}

func TestAwait(t *testing.T) {
	events := make(chan string, 1)
	rows := open(t.Context(), t, events)
	if _, err := rows.Await(t.Context(), holds("old")); err != nil {
		t.Fatalf("what is listed already is waited for: %v", err)
	}
	events <- fmt.Sprintf(`{"type":"MODIFIED","object":`+object+`}`, 8, "new")
	if _, err := rows.Await(t.Context(), holds("new")); err != nil {
		t.Fatal(err)
	}
	if got, _ := rows.Get("n/a"); got.Metadata.Version() != 8 {
		t.Errorf("the version is %d, want 8", got.Metadata.Version())
	}
	events <- "end"
	if _, err := rows.Await(t.Context(), holds("listed again")); err != nil {
		t.Fatal(err)
	}
	events <- fmt.Sprintf(`{"type":"DELETED","object":`+object+`}`, 9, "new")
	if _, err := rows.Await(t.Context(), func(rows map[string]row) bool { return len(rows) == 0 }); err != nil {
		t.Fatal(err)
	}
}

func TestAwaitThatCannotSucceed(t *testing.T) {
	watching, stop := context.WithCancel(t.Context())
	rows := open(watching, t, make(chan string))
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := rows.Await(ctx, holds("never")); err == nil {
		t.Error("waiting goes on after the context has ended")
	}
	stop()
	if _, err := rows.Await(t.Context(), holds("never")); err == nil {
		t.Error("waiting goes on after the table was closed")
	}
}
