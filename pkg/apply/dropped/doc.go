// Package dropped takes fields out of objects before they are sent: those that an
// API server says its schema does not have, and the metadata that only it sets. Which
// fields a server has only it can say: it may be newer or older than this program.
//
// It is a model package: answers and objects in, paths and objects out.
package dropped
