// Package route decides who hears of an event: an event and the Alerts there are
// become deliveries, problems for the owners of Alerts, and drops for the log.
//
// The order of the rules is contract. Whatever has to be looked up (a Provider,
// the labels of the object) is asked through function fields, so that the
// decision itself is a function of values.
package route
