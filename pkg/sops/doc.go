// Package sops turns SOPS-encrypted files and objects into plain ones, for the
// hooks of pkg/kustomize.
//
// A Service is there once in a process; a Decryptor is made for one build of one
// unit and dropped with it. What it decrypts stays in memory. The data key of a
// document is asked for once in a build, however many files share it.
//
// Documents are read and written with the stores of the SOPS library, so that every
// format is what SOPS makes of it. Their values are walked here and not by the
// library, whose walk logs comments and quotes values in its errors. The message
// authentication code of a document is not verified: a build has changed the order
// and the metadata of objects before they get here.
//
// Errors name the file or the object, the path of the value in it, and what every
// key answered. They never hold a value, plain or encrypted.
package sops
