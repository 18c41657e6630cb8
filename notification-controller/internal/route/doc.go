// Package route decides who is notified of an event: the event, the Alerts there
// are and the Providers they name become deliveries, problems for the owners of
// Alerts, and drops for the log.
//
// It works in two steps. NeedsOf says what has to be read; whoever acts on it
// gathers that into an Input, of which Route is a function. Nothing here reads
// anything. The order of the rules is contract.
package route
