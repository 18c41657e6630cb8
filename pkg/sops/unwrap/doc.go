// Package unwrap gets the data key of a SOPS document from whoever can decrypt it:
// age and PGP in this process, the key services of AWS, Azure and Google and the
// transit engine of Vault and OpenBao over the network.
//
// It knows the keys it was given and no others: it reads no environment variable, no
// file and no keyring, asks no agent and starts no program. Static credentials of the
// Secret come first, then the workload identity of the unit.
//
// Every call over the network goes out through pkg/egress, has a deadline, and is
// repeated a few times when the service is busy or down. Why a key did not give the
// data key is said in words of this package: what services and libraries say may
// quote what they were sent, and is dropped but for status and error code.
package unwrap
