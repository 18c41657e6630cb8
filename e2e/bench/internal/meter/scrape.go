package meter

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/capstan-gitops/capstan/e2e/world"
)

// passMetric counts the passes of a kind by their result.
var passMetric = regexp.MustCompile(`^controller_runtime_reconcile_total\{controller="([^"]+)".*\} ([0-9.e+]+)$`)

// passes returns how many passes a controller has made, per kind.
func (m *Meter) passes(ctx context.Context, c world.Controller) (map[string]int, error) {
	all := map[string]int{}
	err := get(ctx, m.world.MetricsURL(c), func(body io.Reader) error {
		lines := bufio.NewScanner(body)
		for lines.Scan() {
			match := passMetric.FindStringSubmatch(lines.Text())
			if match == nil {
				continue
			}
			n, err := strconv.ParseFloat(match[2], 64)
			if err != nil {
				return err
			}
			all[match[1]] += int(n)
		}
		return lines.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading the metrics of %s: %w", c, err)
	}
	return all, nil
}

// Profile writes a CPU profile of every controller into a folder, and what is in its heap and its metrics afterwards, and returns when that
// is done.
func (m *Meter) Profile(ctx context.Context, folder, label string, length time.Duration) error {
	failures := make(chan error, len(m.controllers))
	for _, c := range m.controllers {
		go func() {
			base := filepath.Join(folder, label+"-"+string(c))
			failures <- errors.Join(
				m.save(ctx, c, fmt.Sprintf("/debug/pprof/profile?seconds=%d", int(length.Seconds())), base+".cpu.pprof"),
				m.save(ctx, c, "/debug/pprof/heap", base+".heap.pprof"),
				m.save(ctx, c, "/metrics", base+".metrics"))
		}()
	}
	var all error
	for range m.controllers {
		all = errors.Join(all, <-failures)
	}
	return all
}

func (m *Meter) save(ctx context.Context, c world.Controller, what, path string) error {
	address := strings.TrimSuffix(m.world.MetricsURL(c), "/metrics") + what
	err := get(ctx, address, func(body io.Reader) error {
		content, err := io.ReadAll(body)
		if err != nil {
			return err
		}
		return os.WriteFile(path, content, 0o600)
	})
	if err != nil {
		return fmt.Errorf("profiling %s: %w", c, err)
	}
	return nil
}

func get(ctx context.Context, address string, read func(io.Reader) error) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", address, response.Status)
	}
	return read(response.Body)
}
