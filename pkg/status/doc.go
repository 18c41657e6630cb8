// Package status turns the outcome of a reconcile into the conditions users see.
//
// It is the table below as a pure function, with a test for every row:
//
//	Outcome     Ready                 Reconciling            Stalled  observedGeneration  Event
//	Done        True                  absent                 absent   current             if something changed, or Ready was False
//	Wait        False, its reason     True                   absent   unchanged           Normal, once per reason
//	InProgress  Unknown, Progressing  True, Progressing      absent   unchanged           none
//	Retry       False, its reason     ProgressingWithRetry   absent   unchanged           Warning, once per reason and message
//	Stalled     False, its reason     absent                 True     current             Warning, once per generation
//	Superseded  Unknown, Progressing  True, Progressing      absent   unchanged           none
//
// Conditions that belong to others are kept as they are.
package status
