// Package egress is the one way out: every outbound connection of a controller
// is dialled here.
//
// Three rules hold for whoever uses it. The address that is checked is the one
// actually dialled, after the name was resolved, so a name that changes its
// mind between check and use gains nothing. What is put on a request for one
// origin (scheme, host and port) never follows a redirect to another. An error
// never shows user information or the query of a URL.
package egress
