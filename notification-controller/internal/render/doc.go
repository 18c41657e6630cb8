// Package render turns an event into a message that no service has shaped yet,
// and writes texts in the notation of a service so that nothing in them can do
// more than be read.
package render
