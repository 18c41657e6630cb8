// Package meter reads what the controllers and the control plane have used between two moments: requests from the audit
// log, CPU time and memory from the process table, passes from the metrics the controllers serve.
package meter
