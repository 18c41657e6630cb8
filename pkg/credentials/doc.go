// Package credentials turns the data of a Secret into a typed credential that
// is bound to one origin.
//
// A credential is put only on requests to the scheme, host and port it was made
// for; a request elsewhere goes out without it. Its values are held so that no
// format verb, no reflection and no marshaller can print them: they come out
// through one method, which is easy to search for.
package credentials
