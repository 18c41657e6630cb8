// Package webhooksink is a real HTTP server on loopback that stands in for a
// chat service: it records what it is sent and can be made to misbehave, one
// scripted fault a request.
package webhooksink
