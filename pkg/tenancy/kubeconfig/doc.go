// Package kubeconfig turns what a user says about another cluster into a Endpoint:
// a checked way to reach it. A kubeconfig comes out of a Secret that a tenant
// wrote, so nothing in it may start a program, open a file, change who asks, or
// lead the controller to an address that is not for tenants.
//
// # What is dropped and what is refused
//
// A field that is not honoured is dropped where the rest of the kubeconfig stands
// without it, and listed in Endpoint.Dropped. Where it does not, the kubeconfig is
// refused by the name of the field: going on would end as a stranger at the
// server, with an error that names nothing.
//
//   - exec, auth-provider and tokenFile are dropped beside a token, a client
//     certificate or a user name and password, and refused as the only
//     credential. Options.AllowExec honours exec.
//   - certificate-authority, client-certificate and client-key are paths. They are
//     dropped beside their -data twin, which wins everywhere else too, and refused
//     without it. No path is opened, ever.
//   - insecure-skip-tls-verify is dropped: the certificate of the server is
//     verified, by certificate-authority-data or by the authorities of the system.
//     If that fails, the error of the request names the field.
//     Options.AllowInsecureTLS honours it, unless certificate-authority-data is
//     there to verify by.
//   - as, as-groups, as-uid and as-user-extra are refused always. Dropping them
//     would act with more rights than the kubeconfig asks for, and honouring them
//     would let it name another identity than the one the object is given.
//   - proxy-url is honoured, except to loopback, link-local and metadata
//     addresses; by name or by address makes no difference.
//   - server is reached over https. Plain http is refused without
//     Options.AllowInsecureTLS: it would show the credential to everybody.
//
// # How the server is reached
//
// Every address is checked by pkg/egress when it is dialled, after its name was
// resolved. A request may take 30 seconds; one that watches may take that long
// to begin and then goes on. A redirect to another origin is not followed, so
// that the credential stays with the server it is meant for. Errors of TLS are
// said in plain words. No error holds a value of the kubeconfig, except names of
// fields, contexts and clusters and the redacted address of the server.
package kubeconfig
