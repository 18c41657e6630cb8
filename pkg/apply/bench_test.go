package apply_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/capstan-gitops/capstan/pkg/apply"
)

// BenchmarkFirstApply applies a thousand new objects for one unit, as the first
// apply of a large Kustomization does. Run it with
//
//	go test -run xxx -bench FirstApply -benchtime 1x ./pkg/apply
//
// It reports objects per second and the CPU time that this process and the API
// server spend on an object.
func BenchmarkFirstApply(b *testing.B) {
	for _, mode := range []struct {
		name       string
		concurrent int
	}{{"Parallel", 0}, {"OneByOne", 1}} {
		b.Run(mode.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newWorld(b)
				w.applierWith(func(o *apply.Options) { o.Concurrent = mode.concurrent })
				tasks := tasksOf(w.thousand()...)
				ours, theirs := cpu(b), serverCPU(b)
				b.StartTimer()
				began := time.Now()
				report := w.run(tasks...)
				took := time.Since(began)
				b.ReportMetric(float64(len(report.Results))/took.Seconds(), "objects/s")
				used, servers := cpu(b)-ours, serverCPU(b)-theirs
				perObject := func(d time.Duration) float64 { return float64(d.Microseconds()) / float64(len(report.Results)) }
				b.ReportMetric(perObject(used), "µs-own/object")
				b.ReportMetric(perObject(servers), "µs-server/object")
				b.ReportMetric(100*(used+servers).Seconds()/took.Seconds(), "%CPU")
			}
		})
	}
}

// thousand returns ConfigMaps and Deployments of common sizes.
func (w *world) thousand() []*unstructured.Unstructured {
	objects := make([]*unstructured.Unstructured, 0, 1000)
	for i := range 500 {
		name := fmt.Sprintf("app-%03d", i)
		data := fields{}
		for k := range 20 {
			data[fmt.Sprintf("key-%d", k)] = fmt.Sprintf("value %d of object %d", k, i)
		}
		objects = append(objects, w.object("v1", "ConfigMap", name, fields{"data": data}), w.deployment(name, "example.org/app:1"))
	}
	return objects
}

// deployment returns a Deployment of one container.
func (w *world) deployment(name, image string) *unstructured.Unstructured {
	labels := fields{"app": name}
	return w.object("apps/v1", "Deployment", name, fields{"spec": fields{
		"replicas": int64(2),
		"selector": fields{"matchLabels": labels},
		"template": fields{
			"metadata": fields{"labels": labels},
			"spec": fields{"containers": []any{fields{
				"name": "app", "image": image,
				"ports":          []any{fields{"name": "http", "containerPort": int64(8080)}},
				"env":            []any{fields{"name": "A", "value": "1"}, fields{"name": "B", "value": "2"}},
				"resources":      fields{"requests": fields{"cpu": "10m", "memory": "16Mi"}},
				"readinessProbe": fields{"httpGet": fields{"path": "/ready", "port": int64(8080)}},
			}}},
		},
	}})
}

// cpu is the processor time this process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// serverCPU is the processor time that the API server and etcd have used.
func serverCPU(b *testing.B) time.Duration {
	b.Helper()
	all, err := testEnv.Cluster().Usage()
	if err != nil {
		b.Fatal(err)
	}
	var sum time.Duration
	for _, one := range all {
		sum += one.CPU
	}
	return sum
}
