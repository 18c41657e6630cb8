// Package fakekms is a world of key services for tests: AWS KMS and STS, Azure Key
// Vault and Entra ID, Google's KMS and token endpoint, and Vault. They speak the real
// protocols under their real host names.
//
// Clients reach them through a proxy on loopback, given to pkg/egress as any proxy
// is, and trust a certificate authority of this world. So nothing in production code
// has to know of other endpoints, and a name that is not part of the world cannot be
// reached.
package fakekms
