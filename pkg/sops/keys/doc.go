// Package keys reads what a Secret gives to decrypt with: age identities, PGP
// private keys, a Vault token and static credentials of cloud services. It also
// reads the list of Vault instances that accept tokens of ServiceAccounts.
//
// What it holds is behind a closure and comes out through one method, so that no
// format verb, no reflection and no marshaller prints it. An error names the key of
// the Secret and what is wrong with it, never a value. Identities that name an age
// plugin are refused: a plugin is a program, and no program is started here.
package keys
