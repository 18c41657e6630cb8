// Package render turns an event into a message that belongs to no service. What a
// service needs to be safe from the texts in it, such as escaping, is the
// service's own and stands in its package.
package render
