package meter

import (
	"os"
	"testing"
)

func TestMedian(t *testing.T) {
	use := func(cpu, peak float64, requests int) Use {
		return Use{
			Requests:    []Request{{What: "patch", Count: requests}},
			Controllers: map[string]float64{"a": cpu}, ControlPlane: map[string]float64{"etcd": cpu},
			PeakMiB: map[string]float64{"a": peak},
		}
	}
	got := Median([]Use{use(9, 1, 10), use(1, 3, 30), use(2, 2, 20)})
	if got.CPU() != 2 || got.ControlPlaneCPU() != 2 {
		t.Errorf("CPU is %v and %v, want the median, 2", got.CPU(), got.ControlPlaneCPU())
	}
	if got.Peak() != 3 || got.Total() != 30 {
		t.Errorf("memory is %v and requests are %d, want the most, 3 and 30", got.Peak(), got.Total())
	}
}

func TestOwnProcess(t *testing.T) {
	if _, err := cpuTime(os.Getpid()); err != nil {
		t.Error(err)
	}
	if peak, err := peakMemory(os.Getpid()); err != nil || peak == 0 {
		t.Errorf("the memory of this process is %d, error %v", peak, err)
	}
	if _, err := cpuTime(-1); err == nil {
		t.Error("a process that does not exist has used CPU")
	}
}

func TestPassMetric(t *testing.T) {
	cases := map[string]struct {
		line, kind, why string
	}{
		"Passes":    {`controller_runtime_reconcile_total{controller="kustomization",result="success"} 300`, "kustomization", "it is the metric"},
		"OtherName": {`controller_runtime_reconcile_errors_total{controller="kustomization"} 3`, "", "errors are counted as passes already"},
		"Comment":   {`# TYPE controller_runtime_reconcile_total counter`, "", "it has no value"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			kind := ""
			if match := passMetric.FindStringSubmatch(tc.line); match != nil {
				kind = match[1]
			}
			if kind != tc.kind {
				t.Errorf("%s counts passes of %q, want %q, because %s", tc.line, kind, tc.kind, tc.why)
			}
		})
	}
}
