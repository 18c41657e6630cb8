package devcluster

import (
	"time"

	"github.com/capstan-gitops/capstan/devcluster/internal/proc"
)

// Usage is what a process of the cluster has used since it started.
type Usage struct {
	Component Component     `json:"component"`
	PID       int           `json:"pid"`
	CPU       time.Duration `json:"cpu"`
	RSS       uint64        `json:"rss"`
	RSSPeak   uint64        `json:"rssPeak"`
}

// Usage reads CPU time and memory of every process, in the order in which they were started.
func (c *Cluster) Usage() ([]Usage, error) {
	var all []Usage
	for _, name := range c.Components() {
		pid := c.process(name).PID()
		used, err := proc.ReadUsage(pid)
		if err != nil {
			return nil, err
		}
		all = append(all, Usage{Component: name, PID: pid, CPU: used.CPU, RSS: used.RSS, RSSPeak: used.RSSPeak})
	}
	return all, nil
}
